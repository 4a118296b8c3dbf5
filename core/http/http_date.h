/* http_date: points of time as HTTP writes them (RFC 9110 5.6.7), always in UTC. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_DATE_H
#define WEIR_HTTP_DATE_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* The date of RFC 9110 5.6.7 for seconds since 1970, year 0 to 9999; 29 bytes and NUL. */
void http_date_format(int64_t seconds, char out[30]);

/* Any of its three forms; false if it is none. Two-digit years from 70 on are of the 20th century. */
bool http_date_parse(struct slice text, int64_t *seconds);

#endif

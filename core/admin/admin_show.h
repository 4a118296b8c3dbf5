/*
 * admin_show: what a weir says of itself as tables that a person likes to read. Takes the JSON as it
 * came: what is missing or of another type is shown as "-".
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_ADMIN_SHOW_H
#define WEIR_ADMIN_SHOW_H

#include <jansson.h>
#include <stdio.h>

/* Writes all tables. */
void admin_show_status(const json_t *status, FILE *to);

/* Writes the connections that ended last, a line for each. */
void admin_show_recent(const json_t *recent, FILE *to);

#endif

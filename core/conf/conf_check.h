/*
 * conf_check: what no single key can tell: rule files that are not there, listeners that collide,
 * nodes named twice, limits that contradict each other, clients that no node could ever see.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONF_CHECK_H
#define WEIR_CONF_CHECK_H

#include "conf/conf_private.h"

/* Complains of r->conf, which may have holes where the reading has complained already. */
void conf_check_all(struct conf_reader *r);

#endif

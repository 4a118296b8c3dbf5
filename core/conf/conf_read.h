/*
 * conf_read: from the tree of a YAML text to the fields of a struct conf, row by row of the table
 * of keys: defaults, then what the file says, names resolved. What concerns several values at once
 * is conf_check's.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONF_READ_H
#define WEIR_CONF_READ_H

#include "conf/conf_private.h"

/* Fills r->conf, whose path is set; `top` NULL stands for an empty file. */
void conf_read_tree(struct conf_reader *r, const struct conf_yaml *top);

#endif

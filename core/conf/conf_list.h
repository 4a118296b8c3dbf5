/*
 * conf_list: the lists of plain values in the file: addresses to listen on, networks, ports.
 * Each takes one value where it takes a list. A bad item is complained of and left out.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONF_LIST_H
#define WEIR_CONF_LIST_H

#include "conf/conf.h"
#include "conf/conf_private.h"

void conf_list_read_listens(struct conf_reader *r, const struct conf_yaml *value, struct conf_vserver *v);
void conf_list_read_networks(struct conf_reader *r, const struct conf_yaml *value, struct conf_vserver *v);
void conf_list_read_ports(struct conf_reader *r, const struct conf_yaml *value, struct conf_vserver *v);

#endif

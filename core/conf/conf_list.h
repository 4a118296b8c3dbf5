/*
 * conf_list: the lists of plain values in the file: addresses to listen on, networks, ports. Each
 * takes one value where it takes a list. A bad item is complained of and left out. Also the list of
 * the rules that are used anywhere, each once.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONF_LIST_H
#define WEIR_CONF_LIST_H

#include "conf/conf.h"
#include "conf/conf_private.h"
#include "conf/conf_schema.h"

/*
 * Fills what belongs to a key of type CONF_NETWORK or NETWORKS (the struct conf_network or conf_networks
 * at `at`), CONF_LISTENS, PORTS or MEDIA_TYPES (fields of a struct conf_vserver) or SERVERS (of a struct
 * conf), in the memory of r->conf.
 */
void conf_list_read(struct conf_reader *r, const struct conf_key *key,
		    const struct conf_yaml *value, void *at);

/* A use of the rule of that name, with the next row; a name that is new is added to conf.rules. */
struct conf_rule_use conf_list_add_rule(struct conf_reader *r, const struct conf_yaml *name,
					bool once_per_connection);

/* Makes conf.rules of what was added. */
void conf_list_take_rules(struct conf_reader *r);

#endif

/* admin_unit: what the tests of admin/ share: a configuration and its segment, without processes. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_ADMIN_UNIT_H
#define WEIR_ADMIN_UNIT_H

#include "admin/admin_server.h"

#include <jansson.h>
#include <stdbool.h>

#define UNIT_CONF \
	"workers: 2\n" \
	"virtual_servers:\n" \
	"  shop: {listen: ['127.0.0.1:8080', '[::1]:8080'], pool: web}\n" \
	"  off: {listen: ['127.0.0.1:8081'], pool: discard, enabled: false}\n" \
	"pools:\n" \
	"  web: {nodes: ['10.0.0.1:80', '[fd00::1]:80']}\n" \
	"  any: {nodes: original_destination}\n"

extern struct admin unit_admin;
extern struct share unit_share;
extern unsigned unit_stops; /* how often on_stop was called */
extern bool unit_can_stop;  /* what it answers */

/* Makes unit_admin of a configuration's text; a test that hangs is ended. */
void unit_open(const char *conf);
void unit_close(void);

/* Row of a node's counters in one worker's slot. */
struct stats_node *unit_node_stats(unsigned worker, unsigned pool, unsigned node);

/* The value at "key/key/0/key", borrowed; the test fails when there is none. */
json_t *unit_at(json_t *value, const char *path);
long long unit_number(json_t *value, const char *path);
const char *unit_text(json_t *value, const char *path);

/* A directory of the test's own, removed by unit_close with the files in it. */
extern char unit_directory[64];
void unit_make_directory(void);

/* unit_directory/NAME; the same buffer each time. */
const char *unit_path(const char *name);

#endif

/* Help for the tests of this room: a directory with rules, and complaints as one text. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_T_UNIT_CONF_UNIT_H
#define WEIR_T_UNIT_CONF_UNIT_H

#include "base/complaint.h"
#include "conf/conf.h"

/* A virtual server and a pool that lack nothing, and one more line: line 5 and 4, column 5. */
#define CONF_UNIT_VSERVER(line) \
	"virtual_servers:\n  a:\n    listen: \"127.0.0.1:80\"\n    pool: discard\n    " line "\n"
#define CONF_UNIT_POOL(line) "pools:\n  p:\n    nodes: \"127.0.0.1:81\"\n    " line "\n"

/* The path of a file that is not there, in a directory beside `rules` with one.lua and two.lua. */
const char *conf_unit_path(void);

/* The conf of a text that must be good, warnings aside; freed by the caller. */
struct conf *conf_unit_read(const char *text);

/* The same if it may be bad; complaints are left in `complaints`. */
struct conf *conf_unit_read_with(const char *text, struct complaints *complaints);

/* Errors as "LINE:COLUMN: text" lines, in the order of the file; warnings as "LINE:COLUMN: ~text". */
const char *conf_unit_join(struct complaints *complaints);

/* The same for what is wrong with a text. */
const char *conf_unit_complaints(const char *text);

/* A sequence of numbers that is the same in each run. */
unsigned conf_unit_random(uint64_t *state);

#endif

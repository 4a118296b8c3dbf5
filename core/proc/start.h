/*
 * start: what `weir check` and `weir run` do with a configuration file, in which order: read and
 * check it whole, decide on privileges, open sockets and shared memory, then become the supervisor.
 * Nothing is forked before everything that can fail has been tried.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROC_START_H
#define WEIR_PROC_START_H

#include "admin/control.h"
#include "base/complaint.h"
#include "conf/conf.h"
#include "lookup/geo.h"
#include "lookup/resources.h"
#include "proc/listeners.h"
#include "proc/privilege.h"
#include "share/segment.h"

/* What the children inherit. Owned by start_run. */
struct start {
	struct conf *conf;
	struct privilege privilege;
	struct listeners listeners;
	struct share share;
	struct resources resources;
	struct geo *geo; /* NULL: no database */
	struct control control;
	int rule_texts[2]; /* files in memory: the texts of rules that were reloaded, by version */
};

/*
 * Reads the configuration and compiles its rules for the phases where they are attached. NULL when
 * there are errors; all of them are in `complaints`. Free the result with conf_free.
 */
struct conf *start_check(const char *path, struct complaints *complaints);

/* The file that has the texts of that version of the rules, which is not the one of the start. */
static inline int start_rule_texts(const struct start *s, uint64_t version)
{
	return s->rule_texts[version % 2];
}

/*
 * Shared memory as this configuration wants it, with its nodes' states. False, and why in
 * `complaints`, when there is none. Given back with segment_close.
 */
bool start_open_share(struct conf *conf, struct share *share, struct complaints *complaints);

/* The life of a weir; errors go to standard error. Returns its exit status. */
int start_run(const char *path);

#endif

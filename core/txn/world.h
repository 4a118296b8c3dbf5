/*
 * world: everything that one worker runs: its virtual servers and their listeners, its pools, its
 * rules, its sessions. Made after fork from a configuration, and never changed.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_WORLD_H
#define WEIR_TXN_WORLD_H

#include "base/table.h"
#include "conf/conf.h"
#include "http/http_parse.h"
#include "net/listener.h"
#include "net/timer.h"
#include "pool/pool.h"
#include "rule/rule.h"
#include "share/stats.h"
#include "share/store.h"

#include <stdbool.h>
#include <sys/queue.h>

struct geo;
struct resources;
struct session;
struct txn_protocol;
struct udp_server;

/* A rule as one virtual server uses it in one phase. */
struct vserver_rule {
	struct rule *rule;
	uint32_t number; /* in conf.rules */
	bool once_per_connection;
	struct stats_rule *stats;
	struct log_limit *errors; /* of the rule: its tracebacks are logged once a second at most */
};

struct vserver_rules {
	struct vserver_rule *list;
	size_t count;
};

/*
 * The rules as they were at one time, which a reload replaces as a whole. Owned by the world; old
 * ones go with the last transaction that began with them.
 */
struct world_rules {
	struct rule_set *set;
	struct rule **list;                    /* by conf.rules */
	unsigned *phases;                      /* by conf.rules: where they are attached */
	struct vserver_rules (*of_vserver)[3]; /* by conf.vservers and enum rule_phase */
	size_t loaded;                         /* so far, of `list` */
	unsigned users;                        /* transactions */
};

/* What one worker knows of a virtual server. Owned by the world. */
struct vserver {
	struct world *world;
	const struct conf_vserver *conf;
	const struct txn_protocol *protocol; /* the steps of its transactions */
	struct stats_vserver *stats;
	struct vserver_listener *listeners; /* one per address; NULL: it is off, or one of UDP */
	struct udp_server *udp;             /* NULL: it is off, or not one of UDP */
	const struct vserver_rules *rules;  /* for new transactions, by enum rule_phase */
	struct rule_limits rule_limits;
	struct http_limits http_limits;
};

struct vserver_listener {
	struct listener listener;
	struct vserver *vserver;
};

struct world {
	const struct conf *conf;
	const struct share *share;
	const struct resources *resources; /* NULL: none; with geo set once the world is open */
	const struct geo *geo;             /* NULL: none */
	unsigned worker;
	struct rule_vm *vm;
	struct world_rules *rules;      /* for new transactions */
	struct world_rules *reloading;  /* those that are being loaded; NULL: none are */
	struct log_limit *rule_errors;  /* by conf.rules */
	struct log_limit *rule_lines;   /* by conf.rules: log.info and its sisters */
	struct pool *pools;             /* by conf.pools */
	struct vserver *vservers;       /* by conf.vservers */
	struct table own_listeners;     /* struct addr -> conf_vserver that listens there */
	struct table own_udp_listeners; /* the same of UDP, which has ports of its own */
	struct table udp_sources;       /* see udp_node.c */
	struct share_store *data;       /* data.*, of all workers */
	struct share_store *local_data; /* data.local_.* */
	TAILQ_HEAD(, session) sessions;
	unsigned session_count;
	bool is_stopping;
	void (*on_empty)(
		struct world *w); /* the last session has ended; NULL until we wait for it */
};

/*
 * Compiles the configuration's rules, each for the phases where it is attached, into `rules` (room
 * for conf->rule_count); the pools they name must exist. False when there are errors: all of them
 * are in `complaints`.
 */
bool world_load_rules(const struct conf *conf, struct rule_vm *vm, struct rule **rules,
		      struct complaints *complaints);

/*
 * Compiles the rules and opens everything. `listen_fds` are this worker's sockets, one per address,
 * in the order of the configuration's virtual servers and their addresses; NULL: none, nobody can
 * connect. False when a rule does not compile; world_close then frees what there is.
 */
bool world_open(struct world *w, const struct conf *conf, const struct share *share,
		unsigned worker, const struct rule_function *functions, size_t function_count,
		const int *listen_fds, struct complaints *complaints);

/*
 * Compiles the rules anew, from the texts that rule_file has, one with each call, so that traffic goes
 * on in between: call it until it is over. New transactions use them from then on; when one of them
 * does not compile nothing changes.
 */
enum world_reload { WORLD_RELOAD_GOES_ON, WORLD_RELOAD_DONE, WORLD_RELOAD_FAILED };
enum world_reload world_reload_rules(struct world *w, struct complaints *complaints);

/* A transaction begins with the rules of now; and ends. */
static inline struct world_rules *world_rules_use(struct world *w)
{
	w->rules->users++;
	return w->rules;
}
void world_rules_leave(struct world *w, struct world_rules *rules);

/*
 * Stops accepting; sessions between two requests end now, the others after their transaction.
 * `on_empty` is called when none is left, maybe before this returns.
 */
void world_stop(struct world *w, void (*on_empty)(struct world *w));

/* Ends what is left at once and frees everything. */
void world_close(struct world *w);

/* The pool of that name, or NULL. */
struct pool *world_find_pool(struct world *w, struct slice name);

/* The node of that row (segment_node_row). */
struct node *world_find_row(const struct world *w, uint32_t row);

/* Would a connection to `a`, or a datagram (`is_udp`), come back to one of our own listeners? */
bool world_is_own_listener(const struct world *w, const struct addr *a, bool is_udp);

#endif

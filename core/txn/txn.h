/*
 * txn: one request and its answer. A transaction goes through the steps of its protocol (txn_http.c
 * has the table); txn_run is the only place where it advances or dies. Everything made for it lies
 * in its arena and goes with it.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_H
#define WEIR_TXN_H

#include "base/arena.h"
#include "http/http_head.h"
#include "pool/pool.h"
#include "rule/rule.h"
#include "txn/refusal.h"
#include "txn/session.h"
#include "txn/txn_body.h"
#include "txn/txn_orders.h"
#include "txn/txn_pace.h"
#include "txn/world.h"

enum txn_end {
	TXN_END_NONE, /* it goes on */
#define TXN_END(name, word, status, is_failure, words) TXN_END_##name,
#include "txn/txn_end.def"
#undef TXN_END
	TXN_END_COUNT
};

/* What the log and the counters call it, and whether it counts as a failure. */
const char *txn_end_word(enum txn_end end);
const char *txn_end_words(enum txn_end end);
unsigned txn_end_status(enum txn_end end);
bool txn_end_is_failure(enum txn_end end);

struct log_line;

/* What a step says when it returns. */
enum txn_next {
	TXN_GO_ON, /* run the current step (it may have changed) */
	TXN_WAIT,  /* until an event */
	TXN_DONE,  /* the transaction is over */
};

/* A step: what it does, until when it may wait (milliseconds, TIMER_NEVER: for ever), and then. */
struct txn_step {
	const char *name;
	enum txn_next (*run)(struct txn *t);
	uint64_t (*deadline)(const struct txn *t);
	enum txn_next (*on_deadline)(struct txn *t);
};

/* What becomes of the client's connection behind a transaction. */
enum txn_parting {
	TXN_PARTING_KEEP,   /* it may carry another one */
	TXN_PARTING_CUT,    /* it is reset */
	TXN_PARTING_END,    /* it ends in good order */
	TXN_PARTING_LINGER, /* the same, but the client may still be sending */
};

/*
 * One protocol: its steps, those of them that are the same for all (txn_node.c goes from one to the
 * next), and what differs between protocols beside them.
 */
struct txn_protocol {
	const struct txn_step *steps;
	unsigned first_step, choose_node, queue, connect_node, connected;
	bool begins_at_once; /* with the session; else with the client's first byte */
	bool reuses_nodes;   /* a connection to a node may serve one transaction after the other */
	void (*begin)(struct txn *t);              /* NULL: nothing to prepare */
	unsigned (*step_after_end)(struct txn *t); /* what must follow when it ends early */
	/*
	 * Does the step want to read, whatever the bodies want? NULL: the first one from the client,
	 * and all from the node until it has answered.
	 */
	bool (*reads_client)(const struct txn *t);
	bool (*reads_node)(const struct txn *t);
	bool (*is_idempotent)(const struct txn *t); /* see txn_is_idempotent, txn_is_whole */
	bool (*is_whole)(const struct txn *t);
	enum txn_parting (*part)(const struct txn *t);
	bool is_datagram; /* the node sees a client's port too */
	/* what txn_run does where there are no streams to move bytes between; NULL: there are */
	void (*run)(struct txn *t);
	/* what the access line says of the request; our end towards the node, while it is open */
	void (*log)(struct log_line *l, const struct txn *t);
	struct addr (*source)(const struct txn *t);
};

/* May the request be sent twice without harm? */
enum txn_repeat {
	TXN_REPEAT_BY_METHOD, /* if its method is idempotent (RFC 9110 9.2.2) */
	TXN_REPEAT_ALLOWED,   /* a rule said so */
	TXN_REPEAT_FORBIDDEN,
};

/* What request rules want of an answer that is still to come; done to the node's before response rules. */
struct txn_wishes {
	unsigned status; /* 0: as it comes */
	struct slice reason;
	struct http_fields
		cookies; /* Set-Cookie lines, one for each cookie; also for answers of rules */
};

/* Moments of a transaction, microseconds of clock_microseconds; 0: not reached. */
struct txn_times {
	uint64_t began, request, rules, connect, sent, response, ended;
};

/*
 * What a parked rule waits for. Part of the operation that some function for rules began, and whose
 * end resumes the rule: see txn_rules.h.
 */
struct txn_wait {
	struct txn *txn;
	void (*cancel)(struct txn_wait *w);
};

struct txn_trace;
struct txn_out;
struct txn_persist;
struct txn_cache;
struct txn_compress;
struct txn_queue;
struct txn_tcp;
struct txn_look;

/* Owned by its session; lies in its own arena. */
struct txn {
	uint32_t magic;
	struct arena arena;
	struct session *session;
	struct vserver *vserver;
	struct txn_trace *trace; /* NULL: nobody follows it (txn_trace.h) */
	const struct txn_protocol *protocol;
	struct txn_tcp *tcp; /* what only a TCP session has; NULL: HTTP */
	unsigned step;
	bool is_running, again;

	enum txn_end end;
	const char *
		end_detail; /* for the log: the parser's reason, the connect error; NULL: nothing to add */

	/* the request, as the rules leave it */
	struct http_head_scan scan;
	struct http_request request;
	bool has_request;
	enum refusal refusal;      /* why it was ended, where that was a refusal */
	struct slice refused_line; /* the beginning of a request that was refused */
	bool wants_head_only; /* the client asked with HEAD, whatever rules make of the method */
	enum txn_repeat repeat;
	struct addr remote; /* who the client is: request.setRemoteIP changes it */

	/* the answer */
	struct http_response response;
	bool has_response;    /* a final head came from the node */
	bool is_answer_begun; /* a final head left for the client: no other answer is possible */
	struct slice answer;  /* of our own, whole; absent when none was decided */
	unsigned answer_status;
	struct txn_out *out;           /* or one that a rule writes piece by piece; NULL mostly */
	struct txn_compress *compress; /* its coding; NULL unless somebody wants to compress it */
	bool keep_client;              /* the client's connection may be used again */
	bool is_cut;                   /* the client must see that its answer is not whole */
	bool is_untaken; /* and does not even take what there is of it: nothing is kept for it */

	/* rules */
	struct world_rules *world_rules;   /* those it began with */
	const struct vserver_rules *rules; /* of its virtual server, by enum rule_phase */
	struct rule_run *run;              /* a parked one */
	enum rule_phase phase;
	size_t rule_index;                             /* in the phase's list */
	bool is_later_turn;                            /* of a TCP session that goes in turns */
	struct txn_look *request_look, *response_look; /* bytes for them; NULL: HTTP, or no rules */
	struct slice rule_answer; /* request.sendResponse, in the arena; absent: none */
	struct txn_wait *wait; /* what it is parked for; NULL: nothing, or the rule has taken it */
	uint64_t rule_nanoseconds; /* that the run under way has run, waits left out */
	uint64_t parked_at;        /* nanoseconds, when it began to wait */
	bool is_rule_ready;        /* that has come */
	const char *verdict_rule;  /* the rule that decided, and its line; NULL: none did */
	unsigned verdict_line;
	struct slice verdict;        /* in words, for the log */
	enum txn_end rule_end;       /* ends the transaction when the verdict is in; NONE: go on */
	struct timer sleep_timer;    /* connection.sleep */
	struct loop_task next_turn;  /* a rule that was put off goes on */
	struct txn_wait sleep;       /* either of the two */
	struct txn_wishes wishes;    /* of request rules, for the answer */
	struct txn_orders *orders;   /* NULL mostly */
	struct txn_persist *persist; /* of the node's choice; NULL: no persistence class */
	struct txn_cache *cache;     /* NULL: the web cache has no part in it */

	/* the node */
	struct pool *pool;
	bool is_pool_default;   /* no rule chose it */
	bool is_discarded_pool; /* the pool is "discard" */
	struct addr forced;     /* pool.use(pool, host, port): just this address */
	struct node *node;
	struct node_connection *connection;
	struct addr node_address; /* the last one tried */
	struct addr source;       /* foreign address used towards it; ADDR_NONE when plain */
	struct addr source_local; /* our end, for the log and response.getLocalIP */
	const struct pool
		*stands_in_for;  /* the pool whose failure_pool this one is; NULL: of none */
	struct txn_queue *queue; /* where it waits for a node with room; NULL: it never did */
	struct pool_tried tried;
	unsigned tries; /* of nodes, of connections that had served before too */
	unsigned attempts, timed_out_attempts; /* those that failed */
	enum txn_end attempt_end;              /* how the last of them failed */
	bool is_reused;                        /* the connection has served before */
	bool has_retried_stale;
	bool is_node_begun;                     /* counted at the node (node_begin) */
	uint64_t node_bytes_in, node_bytes_out; /* of the connection when we began */
	uint64_t node_received;                 /* bytes of the last connection that was let go */

	struct txn_body up;     /* client to node */
	struct txn_body down;   /* node to client */
	unsigned informational; /* 1xx heads passed on */

	uint64_t step_since; /* milliseconds */
	uint64_t moved_at;   /* when a byte last moved, milliseconds */
	uint64_t sent_at;    /* when one last moved to the node, milliseconds */
	uint64_t body_since; /* when we began to take the request body, milliseconds; 0: not yet */
	uint64_t written_to_client, written_to_node; /* in their lives, when last looked at */
	struct txn_pace upload, download;
	bool waits_for_client;                      /* one of these clocks runs */
	uint64_t client_bytes_in, client_bytes_out; /* of the session when we began */
	struct txn_times times;
};

#define TXN_MAGIC 0x74786e21u

/* A new transaction for bytes that are in the session's inbox; runs it. */
void txn_start(struct session *s);

/* For protocols that do not run by streams: a new transaction, which does not run yet; and its end. */
struct txn *txn_new(struct session *s);
void txn_free(struct txn *t);

/* Advances as far as possible. The last thing an event does: the transaction may be gone after it. */
void txn_run(struct txn *t);

/* When the whole of it must be over: milliseconds, or TIMER_NEVER. */
uint64_t txn_deadline(const struct txn *t);

/* From a step: go to another one. Void once txn_end was called. */
void txn_go(struct txn *t, unsigned step);

/* The first byte of a final answer leaves for the client: counts whether it is in time, where asked for. */
void txn_answer_begins(struct txn *t);

/*
 * Ends it: the first reason wins. While nothing has left for the client it gets the reason's answer,
 * later its connection is cut. `detail` (may be NULL) is for the log and must outlive t.
 */
enum txn_next txn_end(struct txn *t, enum txn_end end, const char *detail);

/* The same for what is refused: counted and logged by its own reason. */
enum txn_next txn_refuse(struct txn *t, enum txn_end end, enum refusal refusal);

/* Would the node, or another one, do no harm with the request if it came a second time? */
bool txn_is_idempotent(const struct txn *t);

/* Can the request be sent once more from what we still have? */
bool txn_is_whole(const struct txn *t);

/* Has all of the request been taken from the client? Only then may another one follow it. */
bool txn_took_request(const struct txn *t);

/* Lets go of the node's connection: back to the idle ones when it is between two messages. */
void txn_release_node(struct txn *t, bool reusable);

/* The session died or the worker stops: frees everything without an answer. */
void txn_abort(struct txn *t, enum txn_end end);

/* Our end of the node's connection, now or last; ADDR_NONE when there was none. */
const struct addr *txn_source(struct txn *t);

#endif

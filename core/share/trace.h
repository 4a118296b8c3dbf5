/*
 * trace: what happens to transactions, for whoever follows them live. One trace at a time: workers
 * see its number and its filter, each writes lines into a ring of its own, one reader takes them
 * out. A ring that is full loses lines and counts them: nobody waits for a reader. A reader that is
 * not heard of for some seconds is taken for dead.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_SHARE_TRACE_H
#define WEIR_SHARE_TRACE_H

#include "base/slice.h"
#include "share/segment.h"

#include <stdbool.h>
#include <stdint.h>

#define TRACE_TEXT_BYTES 512        /* of a line, at most */
#define TRACE_RING_BYTES (1u << 18) /* of each worker */
#define TRACE_LEASE_MS 5000         /* a reader has to be heard of so often */

enum trace_kind {
	TRACE_CLIENT,  /* who came, from where to where */
	TRACE_REQUEST, /* what was asked */
	TRACE_RULE,    /* what a rule did */
	TRACE_CACHE,   /* what the web cache had, or took */
	TRACE_WAIT,    /* what it waits for, and for how long it did */
	TRACE_POOL,
	TRACE_NODE,
	TRACE_CONNECTION,
	TRACE_ANSWER,
	TRACE_END, /* the last line of a transaction */
	TRACE_KINDS
};

/* "" lets everything through. */
struct trace_filter {
	char client[48]; /* an address as addr_format_ip writes it */
	char host[256];  /* lower case, without port */
	char rule[80];
};

struct share_trace {
	uint64_t number;             /* of the trace that runs; 0: none does */
	uint64_t last;               /* number that was given */
	uint64_t until_milliseconds; /* its reader is alive until then */
	uint64_t lost_taken;         /* lines that the reader knows to be lost */
	struct trace_filter filter;
	char apart[128]; /* the first worker's ring is no neighbour of what all look at */
};

struct trace_ring {
	uint64_t written; /* bytes, ever; the worker writes */
	uint64_t lost;    /* lines */
	char apart[112];
	uint64_t taken; /* bytes, ever; the reader writes */
	char apart_too[120];
	char bytes[TRACE_RING_BYTES];
};

struct trace_line {
	uint64_t trace;        /* its number */
	uint64_t microseconds; /* since the transaction began */
	uint32_t transaction;  /* which one of the worker */
	uint16_t bytes;        /* of text behind it */
	uint16_t kind;         /* enum trace_kind */
};

/* ---- for workers ---- */

/* The trace that runs, 0 when none does: all that a transaction looks at while there is none. */
static inline uint64_t trace_number(const struct share *s)
{
	return __atomic_load_n(&s->trace->number, __ATOMIC_ACQUIRE);
}

/* Is somebody still reading? If not, the trace is over. */
bool trace_is_read(const struct share *s, uint64_t number, uint64_t now_milliseconds);

/* Adds a line, or counts it as lost. */
void trace_write(const struct share *s, unsigned worker, const struct trace_line *line,
		 const char *text);

/* ---- for the reader ---- */

/* Begins a trace: its number, or 0 when another is being read. What was not taken is gone. */
uint64_t trace_begin(const struct share *s, const struct trace_filter *filter,
		     uint64_t now_milliseconds);

/* The reader is alive. False: the trace is over. */
bool trace_renew(const struct share *s, uint64_t number, uint64_t now_milliseconds);

void trace_end(const struct share *s, uint64_t number);

/* The next line of this worker; false when there is none. */
bool trace_take(const struct share *s, unsigned worker, struct trace_line *line,
		char text[TRACE_TEXT_BYTES]);

/* Lines lost since the last call, of all workers. */
uint64_t trace_take_lost(const struct share *s);

#endif

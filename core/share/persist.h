/*
 * persist: which node a client's session is held at, for all workers. A session is known by a keyed
 * hash that stands for its class and key; a table has a fixed number of entries in sets of eight, and
 * the one of a set that was used longest ago makes room. An entry is one word (a part of the hash, the
 * second of its last use, the node's row), changed as a whole: no lock, and whoever dies leaves
 * nothing half done.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_SHARE_PERSIST_H
#define WEIR_SHARE_PERSIST_H

#include <stddef.h>
#include <stdint.h>

/* Sessions of one kind never push out those of another. */
#define PERSIST_TABLES_MOST 8

/* A session that is held nowhere. */
#define PERSIST_NO_ROW UINT32_MAX

struct share_persist;

struct persist_table_plan {
	uint64_t entries;        /* 0: there is no such table */
	uint64_t expiry_seconds; /* an entry that was not used for longer is none; 0: it stays */
};

struct persist_plan {
	unsigned workers, classes;
	unsigned rows; /* of nodes: a row is less */
	struct persist_table_plan tables[PERSIST_TABLES_MOST];
};

/* What became of transactions that looked for their session, in one worker, or of all. */
struct persist_counts {
	uint64_t kept;      /* went where the session is held */
	uint64_t begun;     /* began one */
	uint64_t lost;      /* could not use the node, or found none where the session says */
	uint64_t without;   /* had nothing that tells a session */
	uint64_t displaced; /* sessions that had to make room for another */
};

/* The longest expiry: ages are told apart up to twice as much. */
#define PERSIST_EXPIRY_SECONDS_MOST 8000000

size_t persist_bytes(const struct persist_plan *plan);
/* In zeroed memory. */
struct share_persist *persist_make(void *memory, const struct persist_plan *plan);

/* The row that the session is held at, which counts as a use; `now` is milliseconds of CLOCK_MONOTONIC. */
uint32_t persist_find(struct share_persist *p, unsigned table, uint64_t name, uint64_t now);

/*
 * Holds the session at `row`, unless it is held already at another than `instead_of`
 * (PERSIST_NO_ROW: at any); gives the row that it is held at from now on. Workers that do so at the
 * same moment find the same place for it, so one changes it and the others hear its row; should a
 * place have become free just between them, the session is held twice, and the first place counts.
 * *displaced is 1 when another session had to go, else 0.
 */
uint32_t persist_hold(struct share_persist *p, unsigned table, uint64_t name, uint32_t row,
		      uint32_t instead_of, uint64_t now, unsigned *displaced);

/* Forgets the session if it is held at `row`. */
void persist_forget(struct share_persist *p, unsigned table, uint64_t name, uint32_t row,
		    uint64_t now);

/* Entries of a table: all, and those that hold a session now. */
uint64_t persist_size(const struct share_persist *p, unsigned table);
uint64_t persist_used(struct share_persist *p, unsigned table, uint64_t now);

/* The counts of a class in one worker, for that worker to write with stats_add; and of all together. */
struct persist_counts *persist_counts_of(struct share_persist *p, unsigned worker,
					 unsigned class_number);
void persist_sum(struct share_persist *p, unsigned class_number, struct persist_counts *sum);

#endif

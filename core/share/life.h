/*
 * life: signs of life of each worker, for the supervisor's watchdog. A worker says now and then,
 * from a timer of its loop, that the loop still turns; one that hangs in a rule or in a bug of
 * ours cannot say so. And what the supervisor lets others know of the worker's process.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_SHARE_LIFE_H
#define WEIR_SHARE_LIFE_H

#include "share/segment.h"

#include <stdint.h>
#include <sys/types.h>

struct share_life {
	uint64_t
		turned_milliseconds; /* CLOCK_MONOTONIC, the same clock for all; the worker writes */
	uint64_t restarts;           /* the supervisor writes */
	int64_t pid;            /* of its process, 0 while there is none; the supervisor writes */
	uint64_t rules_version; /* see reload.h; the worker writes */
	uint64_t
		rule; /* that runs just now, from 1 in the order of the configuration; the worker writes */
	char apart[88]; /* keeps workers out of each other's cache lines */
};

/* The loop of this worker turns: now. */
static inline void life_turn(struct share *s, unsigned worker, uint64_t now_milliseconds)
{
	__atomic_store_n(&s->lives[worker].turned_milliseconds, now_milliseconds, __ATOMIC_RELAXED);
}

/* When it last said so; 0 when it never did. */
static inline uint64_t life_turned(const struct share *s, unsigned worker)
{
	return __atomic_load_n(&s->lives[worker].turned_milliseconds, __ATOMIC_RELAXED);
}

/* A rule begins to run in this worker, or does so no more: 0. */
static inline void life_set_rule(const struct share *s, unsigned worker, uint64_t rule)
{
	__atomic_store_n(&s->lives[worker].rule, rule, __ATOMIC_RELAXED);
}

static inline uint64_t life_rule(const struct share *s, unsigned worker)
{
	return __atomic_load_n(&s->lives[worker].rule, __ATOMIC_RELAXED);
}

static inline void life_count_restart(struct share *s, unsigned worker)
{
	__atomic_fetch_add(&s->lives[worker].restarts, 1, __ATOMIC_RELAXED);
}

static inline uint64_t life_restarts(const struct share *s, unsigned worker)
{
	return __atomic_load_n(&s->lives[worker].restarts, __ATOMIC_RELAXED);
}

/* Which process it is from now on; 0: none. */
static inline void life_set_pid(struct share *s, unsigned worker, pid_t pid)
{
	__atomic_store_n(&s->lives[worker].pid, pid, __ATOMIC_RELAXED);
}

static inline pid_t life_pid(const struct share *s, unsigned worker)
{
	return (pid_t)__atomic_load_n(&s->lives[worker].pid, __ATOMIC_RELAXED);
}

#endif

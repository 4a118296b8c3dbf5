/*
 * reload: what all processes know of the rules that are to be used now. Questions are numbered; the
 * supervisor answers them one after the other, the last answer stays until the next. A worker says
 * which version of the rules it has.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_SHARE_RELOAD_H
#define WEIR_SHARE_RELOAD_H

#include "share/life.h"
#include "share/segment.h"

#include <stdbool.h>
#include <stdint.h>

enum reload_outcome {
	RELOAD_NONE,      /* nobody asked yet */
	RELOAD_ACCEPTED,  /* all workers have the new rules */
	RELOAD_UNCHANGED, /* the files are as they were */
	RELOAD_REFUSED,   /* `text` says what is wrong */
};

#define RELOAD_TEXT_BYTES 32768

struct share_reload {
	uint64_t asked;    /* the newest question */
	uint64_t answered; /* the newest that has its answer */
	uint64_t version;  /* of the rules: 0 those that weir was started with */
	uint32_t outcome;  /* enum reload_outcome, of the newest answer */
	char text
		[RELOAD_TEXT_BYTES]; /* what has changed, or what is wrong; written before the answer */
};

static inline uint64_t reload_load(const uint64_t *from)
{
	return __atomic_load_n(from, __ATOMIC_ACQUIRE);
}

/* One more question: its number. */
static inline uint64_t reload_ask(const struct share *s)
{
	return __atomic_add_fetch(&s->reload->asked, 1, __ATOMIC_ACQ_REL);
}

/* All questions up to that number have this answer. */
static inline void reload_answer(const struct share *s, uint64_t number,
				 enum reload_outcome outcome)
{
	__atomic_store_n(&s->reload->outcome, (uint32_t)outcome, __ATOMIC_RELAXED);
	__atomic_store_n(&s->reload->answered, number, __ATOMIC_RELEASE);
}

static inline uint64_t reload_version(const struct share *s)
{
	return reload_load(&s->reload->version);
}

static inline void reload_set_version(const struct share *s, uint64_t version)
{
	__atomic_store_n(&s->reload->version, version, __ATOMIC_RELEASE);
}

/* Which rules this worker uses for new transactions. */
static inline uint64_t reload_worker_version(const struct share *s, unsigned worker)
{
	return reload_load(&s->lives[worker].rules_version);
}

/* It does so now; 0: it has only just begun to live. */
static inline void reload_set_worker_version(const struct share *s, unsigned worker,
					     uint64_t version)
{
	__atomic_store_n(&s->lives[worker].rules_version, version, __ATOMIC_RELEASE);
}

/* Has every worker that runs the rules of now? */
static inline bool reload_is_everywhere(const struct share *s)
{
	for (unsigned i = 0; i < s->workers; i++)
		if (life_pid(s, i) != 0 && reload_worker_version(s, i) != reload_version(s))
			return false;
	return true;
}

#endif

/*
 * timer: deadlines, many and cheap. Moving a deadline later, or calling it off, is one store: the
 * wheel looks at a timer when its earliest known moment comes and puts it back if it is not due
 * (a connection moves its deadline with every transaction; almost none ever fires).
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_NET_TIMER_H
#define WEIR_NET_TIMER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#define TIMER_NEVER UINT64_MAX

struct timer {
	LIST_ENTRY(timer) link;
	uint64_t deadline; /* milliseconds of clock_milliseconds; TIMER_NEVER when off */
	uint64_t due;      /* when the wheel looks at it; TIMER_NEVER when not in the wheel */
	uint8_t level, slot;
	void (*on_fire)(struct timer *timer);
};

void timer_init(struct timer *timer, void (*on_fire)(struct timer *timer));

/* Fires `milliseconds` from now, once; replaces an earlier setting. 0 milliseconds: never. */
void timer_set(struct timer *timer, uint64_t milliseconds);

/* The same with an absolute time of clock_milliseconds. */
void timer_set_at(struct timer *timer, uint64_t deadline);

void timer_stop(struct timer *timer);

/* Takes it out of the wheel: before its memory goes. */
void timer_release(struct timer *timer);

/* For the loop: fires what is due; and when to look again (TIMER_NEVER when nothing waits). */
void timer_advance(uint64_t now_milliseconds);
uint64_t timer_next(void);

#endif

/*
 * A hierarchical wheel: four levels of 64 slots, of 1, 64, 4,096 and 262,144 milliseconds each.
 * A bit map per level finds the next slot in use without walking empty ones.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "net/timer.h"

#include "base/clock.h"

#include <stddef.h>

#define LEVELS 4
#define SLOT_BITS 6
#define SLOTS (1u << SLOT_BITS)

LIST_HEAD(timer_list, timer);

static struct {
	uint64_t now;  /* every slot up to this moment has been looked at */
	uint64_t next; /* what timer_next found; 0: to be looked for */
	uint64_t used[LEVELS];
	struct timer_list slots[LEVELS][SLOTS];
} wheel;

static uint64_t unit_of(uint64_t moment, unsigned level)
{
	return moment >> (SLOT_BITS * level);
}

static void insert(struct timer *timer, uint64_t due)
{
	if (due <= wheel.now)
		due = wheel.now + 1;
	unsigned level = 0;
	while (level < LEVELS - 1 && unit_of(due, level) - unit_of(wheel.now, level) >= SLOTS)
		level++;
	/* beyond the wheel's reach: look at it as late as possible, then put it back */
	uint64_t reach = unit_of(wheel.now, level) + SLOTS - 1;
	if (unit_of(due, level) > reach)
		due = reach << (SLOT_BITS * level);
	timer->due = due;
	timer->level = (uint8_t)level;
	timer->slot = (uint8_t)(unit_of(due, level) & (SLOTS - 1));
	wheel.used[level] |= 1ull << timer->slot;
	LIST_INSERT_HEAD(&wheel.slots[level][timer->slot], timer, link);
	wheel.next = 0;
}

static void take_out(struct timer *timer)
{
	LIST_REMOVE(timer, link);
	if (LIST_EMPTY(&wheel.slots[timer->level][timer->slot]))
		wheel.used[timer->level] &= ~(1ull << timer->slot);
	timer->due = TIMER_NEVER;
	wheel.next = 0;
}

void timer_init(struct timer *timer, void (*on_fire)(struct timer *timer))
{
	*timer = (struct timer){ .deadline = TIMER_NEVER, .due = TIMER_NEVER, .on_fire = on_fire };
}

void timer_set_at(struct timer *timer, uint64_t deadline)
{
	timer->deadline = deadline;
	if (deadline >= timer->due)
		return; /* the wheel looks early enough */
	if (timer->due != TIMER_NEVER)
		take_out(timer);
	if (wheel.now == 0)
		wheel.now = clock_milliseconds();
	insert(timer, deadline);
}

void timer_set(struct timer *timer, uint64_t milliseconds)
{
	if (milliseconds == 0)
		timer_stop(timer);
	else if (milliseconds >= TIMER_NEVER - clock_milliseconds())
		timer_set_at(timer, TIMER_NEVER);
	else
		timer_set_at(timer, clock_milliseconds() + milliseconds);
}

void timer_stop(struct timer *timer)
{
	timer->deadline = TIMER_NEVER;
}

void timer_release(struct timer *timer)
{
	timer->deadline = TIMER_NEVER;
	if (timer->due != TIMER_NEVER)
		take_out(timer);
}

/* The earliest moment whose slot is in use. */
static uint64_t find_next(void)
{
	uint64_t next = TIMER_NEVER;
	for (unsigned level = 0; level < LEVELS; level++) {
		if (wheel.used[level] == 0)
			continue;
		/* bit 0 of `ahead` is the slot behind the current one */
		unsigned turn = (unsigned)((unit_of(wheel.now, level) + 1) & (SLOTS - 1));
		uint64_t used = wheel.used[level];
		uint64_t ahead = turn == 0 ? used : (used >> turn) | (used << (SLOTS - turn));
		uint64_t unit = unit_of(wheel.now, level) + 1 + (uint64_t)__builtin_ctzll(ahead);
		uint64_t moment = unit << (SLOT_BITS * level);
		next = moment < next ? moment : next;
	}
	return next;
}

uint64_t timer_next(void)
{
	if (wheel.next == 0)
		wheel.next = find_next();
	return wheel.next;
}

/* Fires or puts back every timer of one slot. A callback may release any timer, also of this slot. */
static void look_at(unsigned level)
{
	unsigned slot = (unsigned)(unit_of(wheel.now, level) & (SLOTS - 1));
	struct timer *timer;
	while ((timer = LIST_FIRST(&wheel.slots[level][slot])) != NULL) {
		take_out(timer);
		if (timer->deadline == TIMER_NEVER)
			continue;
		if (timer->deadline > wheel.now) {
			insert(timer, timer->deadline);
			continue;
		}
		timer->deadline = TIMER_NEVER;
		timer->on_fire(timer);
	}
}

void timer_advance(uint64_t now)
{
	uint64_t next;
	while ((next = timer_next()) <= now) {
		wheel.now = next;
		for (unsigned level = 0; level < LEVELS; level++)
			if ((next & ((1ull << (SLOT_BITS * level)) - 1)) == 0)
				look_at(level);
	}
	if (now > wheel.now)
		wheel.now = now;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "share/slm.h"

#include "base/check.h"

/* A word: the second, then the answers of it, then those that were in time. */
#define COUNT_BITS 20
#define COUNT_MOST ((1u << COUNT_BITS) - 1)
#define WORDS (sizeof((struct slm_row *)0)->seconds / sizeof(uint64_t))

static struct slm_row *row_of(const struct share_slm *s, unsigned worker, unsigned class_number)
{
	check(worker < s->workers && class_number < s->classes);
	return &s->rows[worker * s->classes + class_number];
}

size_t slm_bytes(unsigned workers, unsigned classes)
{
	return (size_t)workers * classes * sizeof(struct slm_row);
}

static uint64_t second_of(uint64_t now)
{
	return now / 1000 & ((1u << 24) - 1);
}

void slm_count(const struct share_slm *s, unsigned worker, unsigned class_number, uint64_t now,
	       bool is_in_time)
{
	struct slm_row *row = row_of(s, worker, class_number);
	uint64_t second = second_of(now), *at = &row->seconds[second % WORDS], word = *at;
	if (word >> (2 * COUNT_BITS) != second)
		word = second << (2 * COUNT_BITS);
	if ((word >> COUNT_BITS & COUNT_MOST) < COUNT_MOST)
		word += (1u << COUNT_BITS) + is_in_time;
	__atomic_store_n(at, word, __ATOMIC_RELAXED);
	__atomic_store_n(&row->counts.answers, row->counts.answers + 1, __ATOMIC_RELAXED);
	if (!is_in_time)
		__atomic_store_n(&row->counts.late, row->counts.late + 1, __ATOMIC_RELAXED);
}

double slm_conforming(const struct share_slm *s, unsigned class_number, uint64_t now)
{
	uint64_t answers = 0, in_time = 0;
	for (unsigned worker = 0; worker < s->workers; worker++)
		for (unsigned back = 0; back < SLM_SECONDS && back * 1000 <= now; back++) {
			uint64_t second = second_of(now - back * 1000);
			uint64_t word = __atomic_load_n(
				&row_of(s, worker, class_number)->seconds[second % WORDS],
				__ATOMIC_RELAXED);
			if (word >> (2 * COUNT_BITS) != second)
				continue;
			answers += word >> COUNT_BITS & COUNT_MOST;
			in_time += word & COUNT_MOST;
		}
	return answers == 0 ? 100 : (double)in_time * 100 / (double)answers;
}

void slm_sum(const struct share_slm *s, unsigned class_number, struct slm_counts *sum)
{
	*sum = (struct slm_counts){ 0 };
	for (unsigned worker = 0; worker < s->workers; worker++) {
		const struct slm_counts *one = &row_of(s, worker, class_number)->counts;
		sum->answers += __atomic_load_n(&one->answers, __ATOMIC_RELAXED);
		sum->late += __atomic_load_n(&one->late, __ATOMIC_RELAXED);
	}
}

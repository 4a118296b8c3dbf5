/*
 * recent: the connections that ended last and are to be remembered, for people who look what has been
 * going on. Each worker has a ring of its own and overwrites its oldest; readers take what they find, and
 * leave out what is just being written.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_SHARE_RECENT_H
#define WEIR_SHARE_RECENT_H

#include "base/slice.h"
#include "share/segment.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECENT_ADDRESS_BYTES 72 /* as addr_format writes it, with NUL */
#define RECENT_NONE UINT32_MAX

/* One transaction. Texts end in NUL, and are "" where there is nothing to say; longer ones are cut. */
struct recent_record {
	uint64_t ended_microseconds; /* since 1970 */
	uint64_t duration_microseconds;
	uint64_t bytes_in, bytes_out;  /* of the client */
	uint32_t vserver, pool;        /* of the configuration; pool may be RECENT_NONE */
	uint32_t status, retries, end; /* status 0: none; end as the counters number it */
	char client[RECENT_ADDRESS_BYTES], dest[RECENT_ADDRESS_BYTES];
	char node[RECENT_ADDRESS_BYTES], source[RECENT_ADDRESS_BYTES];
	char method[24], host[128], uri[256], rule[96];
};

/* Bytes of memory for rings of `most` records each, zeroed when they are first used. */
size_t recent_bytes(unsigned workers, unsigned most);

/* Copies `text` into a record's field of `size` bytes, what no terminal should get as "?". */
void recent_put_text(char *to, size_t size, struct slice text);

/* The worker's ring gets one more. Nothing happens where rings hold none. */
void recent_add(const struct share *s, unsigned worker, const struct recent_record *record);

/*
 * The record of that worker that was added `age` records ago (0: the last one). False when there is none,
 * or when it is gone or going at this moment.
 */
bool recent_get(const struct share *s, unsigned worker, unsigned age, struct recent_record *record);

#endif

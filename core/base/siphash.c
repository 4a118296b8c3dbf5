/* SPDX-License-Identifier: Apache-2.0 */
#include "base/siphash.h"

static uint64_t rotate(uint64_t x, unsigned by)
{
	return (x << by) | (x >> (64 - by));
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

static inline void rounds(uint64_t v[4], int count)
{
	for (int i = 0; i < count; i++)
		sip_round(v);
}

/* `each` rounds for each word, and those `behind` them. */
static inline __attribute__((always_inline)) uint64_t hash(const uint64_t key[2], struct slice s,
							   int each, int behind)
{
	uint64_t v[4] = { key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
			  key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573 };
	uint64_t last = (uint64_t)s.len << 56;
	size_t whole = s.len & ~(size_t)7;
	for (size_t i = 0; i < whole; i += 8) {
		uint64_t word;
		memcpy(&word, s.at + i, 8);
		v[3] ^= word;
		rounds(v, each);
		v[0] ^= word;
	}
	for (size_t i = whole; i < s.len; i++)
		last |= (uint64_t)(unsigned char)s.at[i] << (8 * (i & 7));
	v[3] ^= last;
	rounds(v, each);
	v[0] ^= last;
	v[2] ^= 0xff;
	rounds(v, behind);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t siphash_1_3(const uint64_t key[2], struct slice s)
{
	return hash(key, s, 1, 3);
}

uint64_t siphash_2_4(const uint64_t key[2], struct slice s)
{
	return hash(key, s, 2, 4);
}

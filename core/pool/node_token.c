/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/node_token.h"

/*
 * SipHash is a pseudorandom function, and a token is made of it as a synthetic initialisation vector
 * is (RFC 5297 does so with AES): 64 bits that authenticate the address, under a key of the purpose,
 * are in front; under another key they give, word by word, the bits that hide the address behind them.
 */
#include "base/siphash.h"

#define WORDS 3 /* of an address */
_Static_assert(sizeof(struct addr) == WORDS * sizeof(uint64_t), "an address is whole words");
_Static_assert(NODE_TOKEN_LEN == (1 + WORDS) * 16, "each word is 16 digits");

struct token {
	uint64_t proof;
	uint64_t hidden[WORDS];
};

enum use { USE_PROOF, USE_HIDING, USE_NAME };

struct keys {
	uint64_t key[2];
};

/* The keys for one use, and one purpose. */
static struct keys keys_for(const uint64_t secret[2], struct slice purpose, enum use use)
{
	const uint64_t halves[2][2] = { { secret[0] ^ use, secret[1] },
					{ secret[0] ^ use, secret[1] ^ 0x5555555555555555 } };
	return (struct keys){ { siphash_2_4(halves[0], purpose),
				siphash_2_4(halves[1], purpose) } };
}

static void hide(const uint64_t secret[2], struct slice purpose, struct token *t)
{
	struct keys keys = keys_for(secret, purpose, USE_HIDING);
	for (uint64_t i = 0; i < WORDS; i++) {
		const uint64_t counter[2] = { t->proof, i };
		t->hidden[i] ^= siphash_2_4(keys.key,
					    slice_of((const char *)counter, sizeof counter));
	}
}

static uint64_t proof_of(const uint64_t secret[2], struct slice purpose, const struct addr *address)
{
	struct keys keys = keys_for(secret, purpose, USE_PROOF);
	return siphash_2_4(keys.key, addr_key(address));
}

/* ---- digits ---------------------------------------------------------------------------------------- */

static void write_digits(uint64_t word, char digits[16])
{
	static const char hex[] = "0123456789abcdef";
	for (int i = 0; i < 16; i++)
		digits[i] = hex[word >> (60 - 4 * i) & 15];
}

static bool read_digits(const char digits[16], uint64_t *word)
{
	*word = 0;
	for (int i = 0; i < 16; i++) {
		int digit = slice_hex_digit(digits[i]);
		if (digit == -1)
			return false;
		*word = *word << 4 | (uint64_t)digit;
	}
	return true;
}

/* ---- tokens ---------------------------------------------------------------------------------------- */

void node_token_write(const uint64_t secret[2], struct slice purpose, const struct addr *address,
		      char token[NODE_TOKEN_LEN])
{
	struct token t = { .proof = proof_of(secret, purpose, address) };
	memcpy(t.hidden, address, sizeof t.hidden);
	hide(secret, purpose, &t);
	write_digits(t.proof, token);
	for (size_t i = 0; i < WORDS; i++)
		write_digits(t.hidden[i], token + 16 * (i + 1));
}

bool node_token_read(const uint64_t secret[2], struct slice purpose, struct slice token,
		     struct addr *address)
{
	struct token t;
	if (token.len != NODE_TOKEN_LEN || !read_digits(token.at, &t.proof))
		return false;
	for (size_t i = 0; i < WORDS; i++)
		if (!read_digits(token.at + 16 * (i + 1), &t.hidden[i]))
			return false;
	hide(secret, purpose, &t);
	memcpy(address, t.hidden, sizeof *address);
	return proof_of(secret, purpose, address) == t.proof;
}

void node_token_name(const uint64_t secret[2], struct slice purpose, char name[NODE_TOKEN_NAME_LEN])
{
	struct keys keys = keys_for(secret, purpose, USE_NAME);
	uint64_t number = keys.key[0];
	for (size_t i = 0; i < NODE_TOKEN_NAME_LEN; i++, number /= 26)
		name[i] = (char)('a' + number % 26);
}

/* string.*: hashes and message authentication codes, as raw bytes; random bytes. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_private.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

#define KEY_BYTES 65536
#define RANDOM_BYTES 65536
/* Hashed at a time: some 10 us. */
#define PIECE_BYTES 8192

enum hash { MD5, SHA1, SHA256, SHA384, SHA512 };

static const char *const names[] = { "MD5", "SHA1", "SHA256", "SHA384", "SHA512" };

/* Fetched once: looking one up costs more than hashing a short text. */
static const EVP_MD *digest_of(struct rule_call *call, enum hash hash)
{
	static EVP_MD *fetched[sizeof names / sizeof *names];
	if (fetched[hash] == NULL)
		fetched[hash] = EVP_MD_fetch(NULL, names[hash], NULL);
	if (fetched[hash] == NULL)
		rule_error(call, "OpenSSL on this machine does not offer %s", names[hash]);
	return fetched[hash];
}

/* A long text, in pieces: one of both is there. */
struct hashing {
	EVP_MD_CTX *plain;
	EVP_MAC_CTX *keyed;
	size_t done;
};

static void release_hashing(void *state)
{
	struct hashing *h = state;
	EVP_MD_CTX_free(h->plain);
	EVP_MAC_CTX_free(h->keyed);
}

static struct hashing *begin_plain(struct rule_call *call, enum hash hash)
{
	struct hashing *h = rule_work_begin(call, sizeof *h, release_hashing);
	h->plain = EVP_MD_CTX_new();
	if (h->plain == NULL || EVP_DigestInit_ex(h->plain, digest_of(call, hash), NULL) != 1)
		rule_error(call, "OpenSSL cannot hash");
	return h;
}

static struct hashing *begin_keyed(struct rule_call *call, enum hash hash, struct slice key)
{
	static EVP_MAC *hmac;
	struct hashing *h = rule_work_begin(call, sizeof *h, release_hashing);
	const OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
						 (char *)(uintptr_t)names[hash], 0),
		OSSL_PARAM_construct_end(),
	};
	if (hmac == NULL)
		hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	h->keyed = hmac == NULL ? NULL : EVP_MAC_CTX_new(hmac);
	if (h->keyed == NULL ||
	    EVP_MAC_init(h->keyed, (const unsigned char *)key.at, key.len, parameters) != 1)
		rule_error(call, "OpenSSL cannot hash");
	return h;
}

/* Until the turn, or the text, is over. */
static enum rule_answer hash_on(struct rule_call *call, struct hashing *h, struct slice s)
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	size_t keyed_len = 0;
	while (h->done < s.len) {
		size_t piece = s.len - h->done < PIECE_BYTES ? s.len - h->done : PIECE_BYTES;
		rule_spend(call, piece);
		if (h->plain != NULL)
			EVP_DigestUpdate(h->plain, s.at + h->done, piece);
		else
			EVP_MAC_update(h->keyed, (const unsigned char *)s.at + h->done, piece);
		h->done += piece;
		if (rule_turn_is_over(call, piece))
			return RULE_GO_ON;
	}
	int is_done = h->plain != NULL ? EVP_DigestFinal_ex(h->plain, bytes, &len)
				       : EVP_MAC_final(h->keyed, bytes, &keyed_len, sizeof bytes);
	if (is_done != 1)
		rule_error(call, "OpenSSL cannot hash");
	rule_push_string(call, slice_of((const char *)bytes, len + keyed_len));
	return RULE_RETURN;
}

static enum rule_answer hash_with(struct rule_call *call, enum hash hash)
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	struct slice s = rule_argument_string(call, 1);
	struct hashing *h = rule_work(call);
	if (s.len > PIECE_BYTES)
		return hash_on(call, h != NULL ? h : begin_plain(call, hash), s);
	rule_spend(call, s.len);
	if (EVP_Digest(s.at, s.len, bytes, &len, digest_of(call, hash), NULL) != 1)
		rule_error(call, "OpenSSL cannot hash");
	rule_push_string(call, slice_of((const char *)bytes, len));
	return RULE_RETURN;
}

static enum rule_answer hash_md5(struct rule_call *call)
{
	return hash_with(call, MD5);
}

static enum rule_answer hash_sha1(struct rule_call *call)
{
	return hash_with(call, SHA1);
}

static enum rule_answer hash_sha256(struct rule_call *call)
{
	return hash_with(call, SHA256);
}

static enum rule_answer hash_sha384(struct rule_call *call)
{
	return hash_with(call, SHA384);
}

static enum rule_answer hash_sha512(struct rule_call *call)
{
	return hash_with(call, SHA512);
}

static enum rule_answer hmac_with(struct rule_call *call, enum hash hash)
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	struct slice s = rule_argument_string(call, 1), key = rule_argument_string(call, 2);
	struct hashing *h = rule_work(call);
	if (key.len > KEY_BYTES)
		rule_argument_error(call, 2, "expected at most %d bytes, got %zu", KEY_BYTES,
				    key.len);
	if (h == NULL)
		rule_spend(call, key.len);
	if (s.len > PIECE_BYTES)
		return hash_on(call, h != NULL ? h : begin_keyed(call, hash, key), s);
	rule_spend(call, s.len);
	if (HMAC(digest_of(call, hash), key.at, (int)key.len, (const unsigned char *)s.at, s.len,
		 bytes, &len) == NULL)
		rule_error(call, "OpenSSL cannot hash");
	rule_push_string(call, slice_of((const char *)bytes, len));
	return RULE_RETURN;
}

static enum rule_answer hmac_sha1(struct rule_call *call)
{
	return hmac_with(call, SHA1);
}

static enum rule_answer hmac_sha256(struct rule_call *call)
{
	return hmac_with(call, SHA256);
}

static enum rule_answer hmac_sha384(struct rule_call *call)
{
	return hmac_with(call, SHA384);
}

static enum rule_answer hmac_sha512(struct rule_call *call)
{
	return hmac_with(call, SHA512);
}

static enum rule_answer random_bytes(struct rule_call *call)
{
	size_t len = (size_t)rule_argument_integer(call, 1, 0, RANDOM_BYTES), have = 0;
	char *block = api_scratch(call, len + 1);
	while (have < len) {
		ssize_t got = getrandom(block + have, len - have, 0);
		if (got > 0)
			have += (size_t)got;
	}
	rule_push_string(call, slice_of(block, len));
	return RULE_RETURN;
}

#define HASH(name, run) \
	{ \
		"string.hash" name, run, RULE_IN_ANY | RULE_IN_PIECES, "s: string", "string", \
			"The " name " hash as raw bytes; string.hexencode makes it readable.", \
			"string.hash" name \
	}
#define HMAC_ROW(name, run) \
	{ \
		"string.hmac" name, run, RULE_IN_ANY | RULE_IN_PIECES, "s: string, key: string", \
			"string", \
			"The message authentication code HMAC-" name " (RFC 2104) as raw bytes.", \
			"weir" \
	}

/* clang-format off */
static const struct rule_function functions[] = {
	HASH("MD5", hash_md5),
	HASH("SHA1", hash_sha1),
	HASH("SHA256", hash_sha256),
	HASH("SHA384", hash_sha384),
	HASH("SHA512", hash_sha512),
	HMAC_ROW("SHA1", hmac_sha1),
	HMAC_ROW("SHA256", hmac_sha256),
	HMAC_ROW("SHA384", hmac_sha384),
	HMAC_ROW("SHA512", hmac_sha512),
	{ "string.randomBytes", random_bytes, RULE_IN_ANY, "length: integer", "string",
	  "Up to 65,536 bytes that nobody can foresee.", "string.randomBytes" },
};
/* clang-format on */

API_FAMILY(api_string_hash, functions);

/*
 * string.encrypt and decrypt: AES-256-GCM under a passphrase. The passphrase becomes a key by PBKDF2
 * once in a worker; each text gets its own key from that by a random salt, and its own nonce. So a
 * flood of forged texts costs a hash each, not a derivation each.
 *
 * A text is: version (1), salt (16 bytes), nonce (12), as many bytes as were encrypted, tag (16).
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_private.h"

#include "base/check.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

#define VERSION 1
#define KEY_BYTES 32
#define SALT_BYTES 16
#define NONCE_BYTES 12
#define TAG_BYTES 16
#define HEAD_BYTES (1 + SALT_BYTES + NONCE_BYTES)
#define ROUNDS 10000 /* some 3 ms */
#define ROUNDS_COST (256 * 30000)
#define PASSPHRASE_BYTES 1024
#define KEYS_KEPT 16
#define PIECE_BYTES 16384 /* some 10 us */

static const unsigned char purpose[] = "weir string.encrypt 1";

/* The passphrases last used, and what became of them. */
static struct derived {
	size_t len; /* 0: none */
	char passphrase[PASSPHRASE_BYTES];
	unsigned char key[KEY_BYTES];
} kept[KEYS_KEPT];
static size_t next_kept;

/* ---- from a passphrase to a key ---------------------------------------------------------------------- */

/* PBKDF2 (RFC 8018 5.2) with HMAC-SHA256, of which one block is a key; in pieces. */
struct derivation {
	EVP_MAC_CTX *mac; /* keyed with the passphrase */
	unsigned rounds;  /* done */
	unsigned char last[KEY_BYTES], key[KEY_BYTES];
};

static const unsigned char *find_kept(struct slice passphrase)
{
	for (size_t i = 0; i < KEYS_KEPT; i++)
		if (slice_is_equal(slice_of(kept[i].passphrase, kept[i].len), passphrase))
			return kept[i].key;
	return NULL;
}

static const unsigned char *keep(struct slice passphrase, const unsigned char *key)
{
	struct derived *d = &kept[next_kept++ % KEYS_KEPT];
	d->len = passphrase.len;
	memcpy(d->passphrase, passphrase.at, passphrase.len);
	memcpy(d->key, key, KEY_BYTES);
	return d->key;
}

static void begin_derivation(struct derivation *d, struct slice passphrase)
{
	static EVP_MAC *hmac;
	const OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){ "SHA256" }, 0),
		OSSL_PARAM_construct_end(),
	};
	if (hmac == NULL)
		hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	check(hmac != NULL);
	d->mac = EVP_MAC_CTX_new(hmac);
	check(d->mac != NULL && EVP_MAC_init(d->mac, (const unsigned char *)passphrase.at,
					     passphrase.len, parameters) == 1);
}

static void derive_round(struct derivation *d)
{
	static const unsigned char first_block[] = { 0, 0, 0, 1 };
	size_t len;
	bool is_first = d->rounds++ == 0;
	check(is_first || EVP_MAC_init(d->mac, NULL, 0, NULL) == 1);
	if (is_first)
		check(EVP_MAC_update(d->mac, purpose, sizeof purpose) == 1 &&
		      EVP_MAC_update(d->mac, first_block, sizeof first_block) == 1);
	else
		check(EVP_MAC_update(d->mac, d->last, KEY_BYTES) == 1);
	check(EVP_MAC_final(d->mac, d->last, &len, KEY_BYTES) == 1 && len == KEY_BYTES);
	for (size_t i = 0; i < KEY_BYTES; i++)
		d->key[i] ^= d->last[i];
}

/* The key; NULL when the turn is over. */
static const unsigned char *derive_on(struct rule_call *call, struct derivation *d,
				      struct slice passphrase)
{
	const unsigned char *known = find_kept(passphrase);
	if (known != NULL)
		return known;
	if (d->mac == NULL) {
		rule_spend(call, ROUNDS_COST);
		begin_derivation(d, passphrase);
	}
	while (d->rounds < ROUNDS) {
		derive_round(d);
		if (rule_turn_is_over(call, ROUNDS_COST / ROUNDS))
			return NULL;
	}
	return keep(passphrase, d->key);
}

/* ---- both functions ----------------------------------------------------------------------------------- */

struct ciphering {
	struct derivation derivation;
	EVP_CIPHER_CTX *context; /* NULL: the key is not there yet */
	struct api_made made;
	size_t done; /* of the text */
};

static void release_ciphering(void *state)
{
	struct ciphering *c = state;
	EVP_MAC_CTX_free(c->derivation.mac);
	EVP_CIPHER_CTX_free(c->context);
	OPENSSL_cleanse(&c->derivation, sizeof c->derivation);
	api_made_release(&c->made);
}

static struct slice passphrase_argument(struct rule_call *call)
{
	struct slice passphrase = rule_argument_string(call, 2);
	if (passphrase.len == 0 || passphrase.len > PASSPHRASE_BYTES)
		rule_argument_error(call, 2, "expected 1 to %d bytes, got %zu", PASSPHRASE_BYTES,
				    passphrase.len);
	return passphrase;
}

/* What was begun, or begins; with argument 1, which must be shorter than an int. */
static struct ciphering *open_ciphering(struct rule_call *call, struct slice *text)
{
	struct ciphering *c = rule_work(call);
	*text = rule_argument_string(call, 1);
	if (c != NULL)
		return c;
	if (text->len > INT_MAX - HEAD_BYTES - TAG_BYTES)
		rule_argument_error(call, 1, "expected less than 2 GiB");
	passphrase_argument(call);
	return rule_work_begin(call, sizeof *c, release_ciphering);
}

/* With the key of one text, by argument 2 and what stands in the head. False: the turn is over. */
static bool open_context(struct rule_call *call, struct ciphering *c, const char *head,
			 bool encrypts)
{
	unsigned char key[KEY_BYTES];
	const unsigned char *salt = (const unsigned char *)head + 1, *nonce = salt + SALT_BYTES;
	const unsigned char *derived = derive_on(call, &c->derivation, passphrase_argument(call));
	int len;
	if (derived == NULL)
		return false;
	check(HMAC(EVP_sha256(), derived, KEY_BYTES, salt, SALT_BYTES, key, NULL) != NULL);
	c->context = EVP_CIPHER_CTX_new();
	bool is_fine = c->context != NULL &&
		       EVP_CipherInit_ex2(c->context, EVP_aes_256_gcm(), key, nonce, encrypts,
					  NULL) == 1 &&
		       EVP_CipherUpdate(c->context, NULL, &len, (const unsigned char *)head, 1) ==
			       1;
	OPENSSL_cleanse(key, sizeof key);
	check(is_fine);
	return true;
}

/* Goes on with the bytes of `body`, behind what is made. False: the turn is over. */
static bool cipher_on(struct rule_call *call, struct ciphering *c, struct slice body)
{
	while (c->done < body.len) {
		size_t left = body.len - c->done, piece = left < PIECE_BYTES ? left : PIECE_BYTES;
		int len;
		rule_spend(call, 2 * piece);
		char *to = api_made_room(call, &c->made, piece);
		check(EVP_CipherUpdate(c->context, (unsigned char *)to, &len,
				       (const unsigned char *)body.at + c->done, (int)piece) == 1);
		c->made.len += (size_t)len;
		c->done += piece;
		if (rule_turn_is_over(call, piece))
			return false;
	}
	return true;
}

static enum rule_answer encrypt(struct rule_call *call)
{
	struct slice text;
	struct ciphering *c = open_ciphering(call, &text);
	unsigned char rest[TAG_BYTES];
	char tag[TAG_BYTES], *head;
	int len;
	if (c->made.len == 0) {
		head = api_made_room(call, &c->made, HEAD_BYTES);
		*head = VERSION;
		check(getrandom(head + 1, SALT_BYTES + NONCE_BYTES, 0) == SALT_BYTES + NONCE_BYTES);
		c->made.len = HEAD_BYTES;
	}
	if (c->context == NULL && !open_context(call, c, c->made.at, true))
		return RULE_GO_ON;
	if (!cipher_on(call, c, text))
		return RULE_GO_ON;
	check(EVP_CipherFinal_ex(c->context, rest, &len) == 1 && len == 0 &&
	      EVP_CIPHER_CTX_ctrl(c->context, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, tag) == 1);
	api_made_add(call, &c->made, slice_of(tag, TAG_BYTES));
	api_made_push(call, &c->made);
	return RULE_RETURN;
}

static enum rule_answer decrypt(struct rule_call *call)
{
	static const char no_head[HEAD_BYTES];
	struct slice text;
	struct ciphering *c = open_ciphering(call, &text);
	unsigned char rest[TAG_BYTES];
	char tag[TAG_BYTES];
	int len;
	bool is_whole = text.len >= HEAD_BYTES + TAG_BYTES && text.at[0] == VERSION;
	if (c->context == NULL && !open_context(call, c, is_whole ? text.at : no_head, false))
		return RULE_GO_ON;
	if (!is_whole)
		return api_fail(call, "not what string.encrypt made");
	struct slice body = slice_of(text.at + HEAD_BYTES, text.len - HEAD_BYTES - TAG_BYTES);
	if (!cipher_on(call, c, body))
		return RULE_GO_ON;
	memcpy(tag, body.at + body.len, TAG_BYTES);
	if (EVP_CIPHER_CTX_ctrl(c->context, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) != 1 ||
	    EVP_CipherFinal_ex(c->context, rest, &len) != 1)
		return api_fail(call, "another passphrase, or it was tampered with");
	api_made_push(call, &c->made);
	return RULE_RETURN;
}

#define LONG (RULE_IN_ANY | RULE_IN_PIECES)

/* clang-format off */
static const struct rule_function functions[] = {
	{ "string.encrypt", encrypt, LONG, "s: string, passphrase: string", "string",
	  "`s` encrypted and sealed with AES-256-GCM, as raw bytes, 45 longer than `s`; never twice the "
	  "same. The key comes from the passphrase (1 to 1,024 bytes) by PBKDF2 with 10,000 rounds, so let "
	  "it be long and random: string.randomBytes(32) once, kept in a file. Replays are not noticed: put "
	  "a time into `s`.", "string.encrypt" },
	{ "string.decrypt", decrypt, LONG, "s: string, passphrase: string",
	  "string|nil, string|nil reason",
	  "What string.encrypt was given; nil and a reason when `s` was tampered with or the passphrase is "
	  "another.", "string.decrypt" },
};
/* clang-format on */

API_FAMILY(api_string_cipher, functions);

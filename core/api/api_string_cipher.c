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

static const unsigned char purpose[] = "weir string.encrypt 1";

/* The passphrases last used, and what became of them. */
static struct derived {
	size_t len; /* 0: none */
	char passphrase[PASSPHRASE_BYTES];
	unsigned char key[KEY_BYTES];
} kept[KEYS_KEPT];
static size_t next_kept;

static const unsigned char *derive(struct rule_call *call, struct slice passphrase)
{
	for (size_t i = 0; i < KEYS_KEPT; i++)
		if (slice_is_equal(slice_of(kept[i].passphrase, kept[i].len), passphrase))
			return kept[i].key;
	rule_spend(call, ROUNDS_COST);
	struct derived *d = &kept[next_kept++ % KEYS_KEPT];
	d->len = passphrase.len;
	memcpy(d->passphrase, passphrase.at, passphrase.len);
	check(PKCS5_PBKDF2_HMAC(passphrase.at, (int)passphrase.len, purpose, sizeof purpose, ROUNDS,
				EVP_sha256(), KEY_BYTES, d->key) == 1);
	return d->key;
}

/* The key of one text, by argument 2 and the salt. */
static void make_key(struct rule_call *call, const char *salt, unsigned char key[KEY_BYTES])
{
	struct slice passphrase = rule_argument_string(call, 2);
	if (passphrase.len == 0 || passphrase.len > PASSPHRASE_BYTES)
		rule_argument_error(call, 2, "expected 1 to %d bytes, got %zu", PASSPHRASE_BYTES,
				    passphrase.len);
	check(HMAC(EVP_sha256(), derive(call, passphrase), KEY_BYTES, (const unsigned char *)salt,
		   SALT_BYTES, key, NULL) != NULL);
}

static struct slice text_argument(struct rule_call *call)
{
	struct slice text = api_text(call, 1);
	if (text.len > INT_MAX - HEAD_BYTES - TAG_BYTES)
		rule_argument_error(call, 1, "expected less than 2 GiB");
	return text;
}

static enum rule_answer encrypt(struct rule_call *call)
{
	struct slice text = text_argument(call);
	unsigned char key[KEY_BYTES];
	int len;
	char *block = api_scratch(call, HEAD_BYTES + text.len + TAG_BYTES);
	char *salt = block + 1, *nonce = salt + SALT_BYTES, *body = block + HEAD_BYTES;
	block[0] = VERSION;
	check(getrandom(salt, SALT_BYTES + NONCE_BYTES, 0) == SALT_BYTES + NONCE_BYTES);
	make_key(call, salt, key);
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	bool is_done = context != NULL &&
		       EVP_EncryptInit_ex2(context, EVP_aes_256_gcm(), key,
					   (const unsigned char *)nonce, NULL) == 1 &&
		       EVP_EncryptUpdate(context, NULL, &len, (const unsigned char *)block, 1) ==
			       1 &&
		       EVP_EncryptUpdate(context, (unsigned char *)body, &len,
					 (const unsigned char *)text.at, (int)text.len) == 1 &&
		       EVP_EncryptFinal_ex(context, (unsigned char *)body + text.len, &len) == 1 &&
		       EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES,
					   body + text.len) == 1;
	EVP_CIPHER_CTX_free(context);
	OPENSSL_cleanse(key, sizeof key);
	check(is_done);
	rule_push_string(call, slice_of(block, HEAD_BYTES + text.len + TAG_BYTES));
	return RULE_RETURN;
}

/* Decrypts what stands behind the head into `out`; false when the tag is another. */
static bool open_text(struct slice text, const unsigned char *key, char *out)
{
	char tag[TAG_BYTES];
	int len;
	struct slice body = slice_of(text.at + HEAD_BYTES, text.len - HEAD_BYTES - TAG_BYTES);
	memcpy(tag, body.at + body.len, TAG_BYTES);
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	check(context != NULL);
	bool is_right =
		EVP_DecryptInit_ex2(context, EVP_aes_256_gcm(), key,
				    (const unsigned char *)text.at + 1 + SALT_BYTES, NULL) == 1 &&
		EVP_DecryptUpdate(context, NULL, &len, (const unsigned char *)text.at, 1) == 1 &&
		EVP_DecryptUpdate(context, (unsigned char *)out, &len,
				  (const unsigned char *)body.at, (int)body.len) == 1 &&
		EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) == 1 &&
		EVP_DecryptFinal_ex(context, (unsigned char *)out + body.len, &len) == 1;
	EVP_CIPHER_CTX_free(context);
	return is_right;
}

static enum rule_answer decrypt(struct rule_call *call)
{
	struct slice text = text_argument(call);
	unsigned char key[KEY_BYTES];
	char salt[SALT_BYTES] = { 0 };
	bool is_whole = text.len >= HEAD_BYTES + TAG_BYTES && text.at[0] == VERSION;
	if (is_whole)
		memcpy(salt, text.at + 1, SALT_BYTES);
	make_key(call, salt, key);
	if (!is_whole)
		return api_fail(call, "not what string.encrypt made");
	char *out = api_scratch(call, text.len);
	bool is_right = open_text(text, key, out);
	OPENSSL_cleanse(key, sizeof key);
	if (!is_right)
		return api_fail(call, "another passphrase, or it was tampered with");
	rule_push_string(call, slice_of(out, text.len - HEAD_BYTES - TAG_BYTES));
	return RULE_RETURN;
}

/* clang-format off */
static const struct rule_function functions[] = {
	{ "string.encrypt", encrypt, RULE_IN_ANY, "s: string, passphrase: string", "string",
	  "`s` encrypted and sealed with AES-256-GCM, as raw bytes, 45 longer than `s`; never twice the "
	  "same. The key comes from the passphrase (1 to 1,024 bytes) by PBKDF2 with 10,000 rounds, so let "
	  "it be long and random: string.randomBytes(32) once, kept in a file. Replays are not noticed: put "
	  "a time into `s`.", "string.encrypt" },
	{ "string.decrypt", decrypt, RULE_IN_ANY, "s: string, passphrase: string",
	  "string|nil, string|nil reason",
	  "What string.encrypt was given; nil and a reason when `s` was tampered with or the passphrase is "
	  "another.", "string.decrypt" },
};
/* clang-format on */

API_FAMILY(api_string_cipher, functions);

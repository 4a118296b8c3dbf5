/* SPDX-License-Identifier: Apache-2.0 */
#include "api/jwt.h"

#include "base/check.h"
#include "base/memory.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdlib.h>

#define KEYS_KEPT 16
#define KEY_BYTES 65536
#define RSA_BITS_LEAST 2048 /* RFC 7518 3.3 */
#define RSA_BITS_MOST 8192  /* a bigger one takes milliseconds */

static const struct {
	struct slice name;
	const char *digest;
	const char *curve; /* of ES: its name in OpenSSL */
	size_t half;       /* of ES: bytes of each of the two numbers */
	size_t cost;       /* measured: one byte of other work takes about half a nanosecond */
} algorithms[] = {
	[JWT_NONE] = { SLICE_INIT("none"), NULL, NULL, 0, 0 },
	[JWT_HS256] = { SLICE_INIT("HS256"), "SHA256", NULL, 0, 4096 },
	[JWT_HS384] = { SLICE_INIT("HS384"), "SHA384", NULL, 0, 4096 },
	[JWT_HS512] = { SLICE_INIT("HS512"), "SHA512", NULL, 0, 4096 },
	[JWT_RS256] = { SLICE_INIT("RS256"), "SHA256", NULL, 0, 256 * 1000 },
	[JWT_RS384] = { SLICE_INIT("RS384"), "SHA384", NULL, 0, 256 * 1000 },
	[JWT_RS512] = { SLICE_INIT("RS512"), "SHA512", NULL, 0, 256 * 1000 },
	[JWT_ES256] = { SLICE_INIT("ES256"), "SHA256", "prime256v1", 32, 256 * 1000 },
	[JWT_ES384] = { SLICE_INIT("ES384"), "SHA384", "secp384r1", 48, 256 * 8000 },
	[JWT_ES512] = { SLICE_INIT("ES512"), "SHA512", "secp521r1", 66, 256 * 8000 },
};

enum jwt_algorithm jwt_algorithm_of(struct slice name)
{
	for (size_t i = JWT_HS256; i < sizeof algorithms / sizeof *algorithms; i++)
		if (slice_is_equal(algorithms[i].name, name))
			return (enum jwt_algorithm)i;
	return JWT_NONE;
}

const char *jwt_algorithm_name(enum jwt_algorithm algorithm)
{
	return algorithms[algorithm].name.at;
}

size_t jwt_cost(enum jwt_algorithm algorithm)
{
	return algorithms[algorithm].cost;
}

/* ---- keys ------------------------------------------------------------------------------------------- */

/* The keys last read, by their text: reading one takes longer than using it. */
static struct kept_key {
	char *text;
	size_t len;
	EVP_PKEY *key; /* NULL: the text is none */
} kept[KEYS_KEPT];
static size_t next_kept;

/* Nobody is asked for the passphrase of a key that is encrypted. */
static int no_passphrase(char *to, int size, int is_writing, void *extra)
{
	(void)to;
	(void)size;
	(void)is_writing;
	(void)extra;
	return -1;
}

static EVP_PKEY *read_key(struct slice text)
{
	BIO *in = BIO_new_mem_buf(text.at, (int)text.len);
	check(in != NULL);
	EVP_PKEY *key = PEM_read_bio_PUBKEY(in, NULL, no_passphrase, NULL);
	if (key == NULL && BIO_reset(in) == 1) {
		X509 *certificate = PEM_read_bio_X509(in, NULL, no_passphrase, NULL);
		key = certificate == NULL ? NULL : X509_get_pubkey(certificate);
		X509_free(certificate);
	}
	BIO_free(in);
	ERR_clear_error();
	return key;
}

static EVP_PKEY *find_key(struct slice text)
{
	if (text.len > KEY_BYTES)
		return NULL;
	for (size_t i = 0; i < KEYS_KEPT; i++)
		if (kept[i].text != NULL &&
		    slice_is_equal(slice_of(kept[i].text, kept[i].len), text))
			return kept[i].key;
	struct kept_key *k = &kept[next_kept++ % KEYS_KEPT];
	EVP_PKEY_free(k->key);
	free(k->text);
	*k = (struct kept_key){ memory_copy_string(text.at, text.len), text.len, read_key(text) };
	return k->key;
}

static bool is_fit(const EVP_PKEY *key, enum jwt_algorithm algorithm)
{
	char curve[32] = "";
	if (key == NULL)
		return false;
	if (algorithms[algorithm].curve == NULL) {
		int bits = EVP_PKEY_get_bits(key);
		return EVP_PKEY_is_a(key, "RSA") && bits >= RSA_BITS_LEAST && bits <= RSA_BITS_MOST;
	}
	return EVP_PKEY_is_a(key, "EC") &&
	       EVP_PKEY_get_group_name(key, curve, sizeof curve, NULL) == 1 &&
	       strcmp(curve, algorithms[algorithm].curve) == 0;
}

/* ---- signatures -------------------------------------------------------------------------------------- */

static enum jwt_signature check_secret(enum jwt_algorithm algorithm, struct slice key,
				       struct slice text, struct slice signature)
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	const EVP_MD *digest = EVP_get_digestbyname(algorithms[algorithm].digest);
	/* Text that is public must not become a secret. */
	if (key.len == 0 || key.len > KEY_BYTES ||
	    memmem(key.at, key.len, "-----BEGIN ", strlen("-----BEGIN ")) != NULL)
		return JWT_KEY_UNFIT;
	if (HMAC(digest, key.at, (int)key.len, (const unsigned char *)text.at, text.len, bytes,
		 &len) == NULL)
		return JWT_BAD;
	return signature.len == len && CRYPTO_memcmp(signature.at, bytes, len) == 0 ? JWT_GOOD
										    : JWT_BAD;
}

static bool is_signed(EVP_PKEY *key, const char *digest, const unsigned char *signature, size_t len,
		      struct slice text)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	check(context != NULL);
	bool is_right = EVP_DigestVerifyInit_ex(context, NULL, digest, NULL, NULL, key, NULL) ==
				1 &&
			EVP_DigestVerify(context, signature, len, (const unsigned char *)text.at,
					 text.len) == 1;
	EVP_MD_CTX_free(context);
	ERR_clear_error();
	return is_right;
}

/* Two numbers of fixed length (RFC 7518 3.4) become what OpenSSL verifies. */
static bool is_signed_on_curve(EVP_PKEY *key, enum jwt_algorithm algorithm, struct slice signature,
			       struct slice text)
{
	size_t half = algorithms[algorithm].half;
	if (signature.len != 2 * half)
		return false;
	const unsigned char *bytes = (const unsigned char *)signature.at;
	ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(bytes, (int)half, NULL),
	       *s = BN_bin2bn(bytes + half, (int)half, NULL);
	check(pair != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(pair, r, s) == 1);
	unsigned char *der = NULL;
	int len = i2d_ECDSA_SIG(pair, &der);
	ECDSA_SIG_free(pair);
	bool is_right = len > 0 &&
			is_signed(key, algorithms[algorithm].digest, der, (size_t)len, text);
	OPENSSL_free(der);
	return is_right;
}

enum jwt_signature jwt_signature_check(enum jwt_algorithm algorithm, struct slice key,
				       struct slice text, struct slice signature)
{
	if (algorithm <= JWT_HS512)
		return check_secret(algorithm, key, text, signature);
	EVP_PKEY *public_key = find_key(key);
	if (!is_fit(public_key, algorithm))
		return JWT_KEY_UNFIT;
	bool is_right = algorithms[algorithm].curve != NULL
				? is_signed_on_curve(public_key, algorithm, signature, text)
				: is_signed(public_key, algorithms[algorithm].digest,
					    (const unsigned char *)signature.at, signature.len,
					    text);
	return is_right ? JWT_GOOD : JWT_BAD;
}

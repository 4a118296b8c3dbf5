/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/tls.h"

#include "base/err.h"
#include "base/memory.h"
#include "net/addr.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct tls {
	SSL *ssl;
	struct stream *stream;
	bool wants_write;
	bool is_broken; /* nothing may be said any more, not even good-bye */
	char failure[200];
};

/* ---- records through the stream ------------------------------------------------------------------------ */

static int bio_write(BIO *bio, const char *bytes, int len)
{
	struct stream *s = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	/* what the kernel does not take the stream keeps: one record at most */
	enum io result = stream_is_flushed(s) ? IO_OK : stream_flush(s);
	if (result == IO_OK)
		result = stream_write_slice(s, slice_of(bytes, (size_t)len));
	if (result == IO_OK)
		return len;
	if (result == IO_WAIT)
		BIO_set_retry_write(bio);
	return -1;
}

static int bio_read(BIO *bio, char *into, int size)
{
	size_t got = 0;
	BIO_clear_retry_flags(bio);
	switch (stream_read(BIO_get_data(bio), into, (size_t)size, &got)) {
	case IO_OK:
		return (int)got;
	case IO_EOF:
		return 0;
	case IO_WAIT:
		BIO_set_retry_read(bio);
		return -1;
	case IO_FAIL:
		break;
	}
	return -1;
}

static long bio_control(BIO *bio, int command, long number, void *extra)
{
	(void)number, (void)extra;
	const struct stream *s = BIO_get_data(bio);
	if (command == BIO_CTRL_EOF)
		return s->is_eof;
	return command == BIO_CTRL_FLUSH;
}

static BIO *new_bio(struct stream *s)
{
	static BIO_METHOD *method;
	if (method == NULL) {
		method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
		BIO_meth_set_write(method, bio_write);
		BIO_meth_set_read(method, bio_read);
		BIO_meth_set_ctrl(method, bio_control);
	}
	BIO *bio = BIO_new(method);
	if (bio != NULL) {
		BIO_set_data(bio, s);
		BIO_set_init(bio, 1);
	}
	return bio;
}

/* ---- trust ---------------------------------------------------------------------------------------------- */

/* The one context of all: the system's authorities are read from their directory when they are needed. */
static SSL_CTX *context(void)
{
	static SSL_CTX *c;
	if (c == NULL && (c = SSL_CTX_new(TLS_client_method())) != NULL) {
		SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
		SSL_CTX_set_default_verify_paths(c);
		SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
					    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
		/* a read takes one message: who sends tickets without end would keep the loop from all others */
		SSL_CTX_clear_mode(c, SSL_MODE_AUTO_RETRY);
		SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION);
		SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	}
	return c;
}

/* The certificates of one text; 0: it has none. */
static unsigned add_certificates(X509_STORE *store, struct slice pem)
{
	unsigned count = 0;
	X509 *certificate;
	BIO *text = BIO_new_mem_buf(pem.at, (int)pem.len);
	while (text != NULL && (certificate = PEM_read_bio_X509(text, NULL, NULL, NULL)) != NULL) {
		count += X509_STORE_add_cert(store, certificate) == 1;
		X509_free(certificate);
	}
	BIO_free(text);
	ERR_clear_error(); /* it ends with the error of having found no more */
	return count;
}

static bool trust_only(SSL *ssl, const struct tls_trust *trust, struct err *why)
{
	X509_STORE *store = X509_STORE_new();
	bool is_good = store != NULL;
	for (size_t i = 0; is_good && i < trust->authority_count; i++)
		if (add_certificates(store, trust->authorities[i]) == 0)
			is_good = err_set(why, "authority %zu is no PEM certificate", i + 1);
	if (is_good)
		SSL_set1_verify_cert_store(ssl, store);
	X509_STORE_free(store);
	return is_good;
}

/*
 * The name to ask for and to verify, without a last dot; an address is not asked for (RFC 6066 3). What
 * stands in the certificate's subject is no name (RFC 9525 2): nobody checks who may have it there.
 */
static bool set_host(SSL *ssl, struct slice host)
{
	struct addr address;
	char name[256];
	if (host.len > 0 && host.at[host.len - 1] == '.')
		host.len--;
	snprintf(name, sizeof name, "%.*s", SLICE_PRINT(host));
	if (addr_parse_ip(host, &address)) {
		char text[ADDR_TEXT_BYTES];
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl),
						     addr_format_ip(&address, text)) == 1;
	}
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
				       X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	return SSL_set_tlsext_host_name(ssl, name) == 1 && SSL_set1_host(ssl, name) == 1;
}

static bool set_up(SSL *ssl, struct slice host, const struct tls_trust *trust, struct err *why)
{
	err_set(why, "OpenSSL refuses to be set up");
	if (!set_host(ssl, host))
		return false;
	SSL_set_verify(ssl, trust->verifies ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	if (trust->authority_count > 0 && !trust_only(ssl, trust, why))
		return false;
	SSL_set_connect_state(ssl);
	return true;
}

/* ---- life ----------------------------------------------------------------------------------------------- */

struct tls *tls_new(struct stream *s, struct slice host, const struct tls_trust *trust,
		    struct err *why)
{
	SSL *ssl = context() == NULL ? NULL : SSL_new(context());
	BIO *bio = ssl == NULL ? NULL : new_bio(s);
	if (bio == NULL || !set_up(ssl, host, trust, why)) {
		if (bio == NULL)
			err_set(why, "OpenSSL has no memory");
		BIO_free(bio);
		SSL_free(ssl);
		ERR_clear_error();
		return NULL;
	}
	struct tls *t = memory_new(1, sizeof *t);
	SSL_set_bio(ssl, bio, bio);
	t->ssl = ssl;
	t->stream = s;
	return t;
}

void tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	ERR_clear_error();
	if (!t->is_broken && SSL_is_init_finished(t->ssl))
		SSL_shutdown(t->ssl);
	SSL_free(t->ssl);
	ERR_clear_error();
	free(t);
}

/* ---- talking -------------------------------------------------------------------------------------------- */

static void note_failure(struct tls *t, int error)
{
	long verified = SSL_get_verify_result(t->ssl);
	unsigned long code = ERR_peek_error();
	const char *words = code == 0 ? NULL : ERR_reason_error_string(code);
	if (verified != X509_V_OK && SSL_get_verify_mode(t->ssl) != SSL_VERIFY_NONE)
		snprintf(t->failure, sizeof t->failure, "certificate not accepted: %s",
			 X509_verify_cert_error_string(verified));
	else if (t->stream->error != 0)
		snprintf(t->failure, sizeof t->failure, "%s", strerror(t->stream->error));
	else if (error == SSL_ERROR_SSL && words != NULL)
		snprintf(t->failure, sizeof t->failure, "TLS: %s", words);
	else
		snprintf(t->failure, sizeof t->failure, "the connection broke off");
	t->is_broken = true;
}

/* What a call of OpenSSL's came to. */
static enum io result_of(struct tls *t, int returned)
{
	if (returned == 1)
		return IO_OK;
	int error = SSL_get_error(t->ssl, returned);
	t->wants_write = error == SSL_ERROR_WANT_WRITE;
	if (t->wants_write || error == SSL_ERROR_WANT_READ)
		return IO_WAIT;
	if (error == SSL_ERROR_ZERO_RETURN)
		return IO_EOF;
	note_failure(t, error);
	return IO_FAIL;
}

enum io tls_shake(struct tls *t)
{
	ERR_clear_error(); /* the queue is the process's: what others left would be taken for ours */
	enum io result = result_of(t, SSL_do_handshake(t->ssl));
	if (result != IO_EOF)
		return result;
	note_failure(t, SSL_ERROR_SYSCALL);
	return IO_FAIL;
}

enum io tls_read(struct tls *t, char *into, size_t size, size_t *got)
{
	ERR_clear_error();
	return result_of(t, SSL_read_ex(t->ssl, into, size, got));
}

enum io tls_write(struct tls *t, struct slice bytes, size_t *put)
{
	ERR_clear_error();
	return result_of(t, SSL_write_ex(t->ssl, bytes.at, bytes.len, put));
}

bool tls_wants_write(const struct tls *t)
{
	return t->wants_write || !stream_is_flushed(t->stream);
}

bool tls_has_bytes(const struct tls *t)
{
	return SSL_pending(t->ssl) > 0;
}

const char *tls_failure(const struct tls *t)
{
	return t->failure;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/tls.h"

#include "net/loop.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

/* Tickets that the server gives at once: more than a kilobyte of records, and fewer than a socket holds. */
#define TICKETS 60

/* ---- the other side: OpenSSL as a server, on the other end of a pair of sockets ------------------------- */

static struct {
	SSL_CTX *context;
	SSL *ssl;
	int fd;
	char pem[4096]; /* its certificate, which is its own authority */
	struct stream stream;
	struct tls *client;
} here;

static void on_ready(struct stream *s)
{
	(void)s;
}

/* A certificate for this name in its subject, and for `names` ("DNS:a.test"), if they are given. */
static X509 *new_certificate(EVP_PKEY *key, const char *subject, const char *names)
{
	X509 *x = X509_new();
	X509_NAME *name = X509_get_subject_name(x);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -60);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)subject, -1, -1,
				   0);
	X509_set_issuer_name(x, name);
	if (names != NULL) {
		X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name,
								names);
		X509_add_ext(x, extension, -1);
		X509_EXTENSION_free(extension);
	}
	X509_sign(x, key, EVP_sha256());
	return x;
}

static void open_server(const char *subject, const char *names)
{
	int pair[2];
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = new_certificate(key, subject, names);
	BIO *text = BIO_new(BIO_s_mem());
	PEM_write_bio_X509(text, certificate);
	int len = BIO_read(text, here.pem, sizeof here.pem - 1);
	here.pem[len] = '\0';
	BIO_free(text);
	here.context = SSL_CTX_new(TLS_server_method());
	SSL_CTX_use_certificate(here.context, certificate);
	SSL_CTX_use_PrivateKey(here.context, key);
	SSL_CTX_set_num_tickets(here.context, 0);
	X509_free(certificate);
	EVP_PKEY_free(key);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	here.fd = pair[0];
	stream_open(&here.stream, pair[1], on_ready);
}

static void open_loop(void)
{
	loop_open();
}

static void close_all(void)
{
	tls_free(here.client);
	stream_close(&here.stream);
	SSL_free(here.ssl);
	SSL_CTX_free(here.context);
	close(here.fd);
	loop_close();
}

/* The client asks for `host` and trusts nobody but this server. */
static enum io shake(const char *host)
{
	struct err why;
	struct slice authority = slice_of_string(here.pem);
	const struct tls_trust trust = { .verifies = true,
					 .authorities = &authority,
					 .authority_count = 1 };
	enum io result = IO_WAIT;
	here.ssl = SSL_new(here.context);
	SSL_set_fd(here.ssl, here.fd);
	SSL_set_accept_state(here.ssl);
	here.client = tls_new(&here.stream, slice_of_string(host), &trust, &why);
	cr_assert_not_null(here.client);
	for (int i = 0; i < 100 && result == IO_WAIT; i++) {
		result = tls_shake(here.client);
		SSL_do_handshake(here.ssl);
	}
	return result;
}

/* ---- whom it takes the other side for -------------------------------------------------------------------- */

Test(tls, a_certificate_for_the_name_is_good, .init = open_loop, .fini = close_all)
{
	open_server("server", "DNS:a.test");
	cr_expect_eq(shake("a.test"), IO_OK);
}

Test(tls, a_last_dot_is_no_part_of_the_name, .init = open_loop, .fini = close_all)
{
	open_server("server", "DNS:a.test");
	cr_expect_eq(shake("a.test."), IO_OK);
}

Test(tls, a_name_in_the_subject_is_none, .init = open_loop, .fini = close_all)
{
	open_server("a.test", NULL);
	cr_expect_eq(shake("a.test"), IO_FAIL);
	cr_expect_str_eq(tls_failure(here.client), "certificate not accepted: hostname mismatch");
}

Test(tls, an_address_in_a_name_is_none, .init = open_loop, .fini = close_all)
{
	open_server("127.0.0.1", "DNS:127.0.0.1");
	cr_expect_eq(shake("127.0.0.1"), IO_FAIL);
}

Test(tls, a_wildcard_is_one_whole_label, .init = open_loop, .fini = close_all)
{
	open_server("server", "DNS:*.b.test,DNS:w*.c.test,DNS:*");
	cr_expect_eq(shake("x.y.b.test"), IO_FAIL);
}

Test(tls, a_part_of_a_label_is_no_wildcard, .init = open_loop, .fini = close_all)
{
	open_server("server", "DNS:w*.c.test,DNS:*.test");
	cr_expect_eq(shake("www.c.test"), IO_FAIL);
}

/* ---- what it lets the other side do ----------------------------------------------------------------------- */

Test(tls, messages_of_the_handshake_take_a_read_each, .init = open_loop, .fini = close_all)
{
	char byte;
	size_t got = 0, written = 0;
	open_server("server", "DNS:a.test");
	SSL_CTX_set_num_tickets(here.context, TICKETS);
	cr_assert_eq(shake("a.test"), IO_OK);
	cr_assert_eq(SSL_do_handshake(here.ssl), 1);
	cr_assert_eq(SSL_write_ex(here.ssl, "x", 1, &written), 1);
	unsigned long long before = here.stream.bytes_in;
	unsigned reads = 0;
	enum io result;
	do {
		unsigned long long seen = here.stream.bytes_in;
		result = tls_read(here.client, &byte, 1, &got);
		cr_assert_lt(here.stream.bytes_in - seen, 2000, "one message, not all");
		reads++;
	} while (result == IO_WAIT && reads < 2 * TICKETS);
	cr_expect_eq(result, IO_OK);
	cr_expect_eq(byte, 'x');
	cr_expect_gt(here.stream.bytes_in - before, TICKETS * 50);
}

Test(tls, the_handshake_is_made_once, .init = open_loop, .fini = close_all)
{
	char byte;
	size_t got;
	open_server("server", "DNS:a.test");
	SSL_CTX_set_max_proto_version(here.context, TLS1_2_VERSION);
	cr_assert_eq(shake("a.test"), IO_OK);
	cr_assert_eq(SSL_renegotiate(here.ssl), 1);
	SSL_do_handshake(here.ssl);
	cr_expect_eq(tls_read(here.client, &byte, 1, &got), IO_WAIT);
	ERR_clear_error();
	cr_expect_eq(SSL_read(here.ssl, &byte, 1), -1);
	cr_expect_eq(ERR_GET_REASON(ERR_peek_error()), SSL_R_NO_RENEGOTIATION);
}

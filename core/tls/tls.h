/*
 * tls: the client's side of TLS on a stream, by OpenSSL, without blocking. Who the other side is gets
 * verified: its certificate by those that are trusted, and that it is for the name we asked for.
 * Records go through the stream, so that what it counts and waits for stays right.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TLS_H
#define WEIR_TLS_H

#include "base/err.h"
#include "net/stream.h"

#include <stdbool.h>
#include <stddef.h>

struct tls;

/* Whom to trust. */
struct tls_trust {
	bool verifies;             /* false: anybody */
	struct slice *authorities; /* PEM certificates, one or more in each; none: the system's */
	size_t authority_count;
};

/*
 * TLS on `s`, which stays the caller's and must live as long; `host` is a name or an address. NULL when
 * an authority is no certificate or memory of OpenSSL's is short; `why` says it then.
 */
struct tls *tls_new(struct stream *s, struct slice host, const struct tls_trust *trust,
		    struct err *why);

/* Says good-bye if it can be said at once, and frees; the stream stays open. NULL is fine. */
void tls_free(struct tls *t);

/* IO_OK: each side knows the other; IO_WAIT: see tls_wants_write; IO_FAIL: see tls_failure. */
enum io tls_shake(struct tls *t);

/*
 * Reads up to `size` bytes, at least one when IO_OK. IO_EOF: the other side has said good-bye. One that
 * ends without it may have been cut off by anybody: IO_FAIL.
 */
enum io tls_read(struct tls *t, char *into, size_t size, size_t *got);

/* Writes from the start of `bytes`: *put of them when IO_OK. After IO_WAIT come again with the same. */
enum io tls_write(struct tls *t, struct slice bytes, size_t *put);

/* Does the last IO_WAIT wait until something can be written? Otherwise for something to read. */
bool tls_wants_write(const struct tls *t);

/* Have bytes come already that a read would give? The loop does not tell of them. */
bool tls_has_bytes(const struct tls *t);

/* Why it failed, for people; valid as long as `t`. */
const char *tls_failure(const struct tls *t);

#endif

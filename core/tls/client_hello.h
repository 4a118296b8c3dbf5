/*
 * client_hello: what a TLS client says first, read without answering it: for connections that are
 * passed on as they are, where the name that it asks for decides where to. Pure: no socket, no
 * library. The hello may lie over several records (RFC 8446 5.1), and come in any pieces.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TLS_CLIENT_HELLO_H
#define WEIR_TLS_CLIENT_HELLO_H

#include "base/arena.h"
#include "base/slice.h"

#include <stdbool.h>

/* Records and all: a longer one is none. */
#define CLIENT_HELLO_MOST (64 * 1024)

enum client_hello_result {
	CLIENT_HELLO_DONE,
	CLIENT_HELLO_MORE, /* a good beginning of one */
	CLIENT_HELLO_NONE, /* something else, or malformed: no more bytes can change that */
};

struct client_hello {
	struct slice server_name; /* lower case, without the last dot; absent: it names none */
	struct slice protocols;   /* ALPN, for client_hello_next_protocol; absent: it offers none */
};

/* Reads the first bytes of a connection; the slices lie in the input or the arena. */
enum client_hello_result client_hello_parse(struct slice in, struct arena *arena,
					    struct client_hello *hello);

/* Takes the next protocol off the list, in the client's order. False at its end. */
bool client_hello_next_protocol(struct slice *list, struct slice *protocol);

#endif

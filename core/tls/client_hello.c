/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/client_hello.h"

#include <stdint.h>

/* Of a record (RFC 8446 5.1). */
#define RECORD_HEAD 5
#define RECORD_HANDSHAKE 22
#define RECORD_MOST (1 << 14)
/* Of a handshake message (4). */
#define MESSAGE_HEAD 4
#define MESSAGE_CLIENT_HELLO 1
#define RANDOM_BYTES 32
#define SESSION_ID_MOST 32
/* Extensions: RFC 6066 3, RFC 7301 3.1. */
#define EXTENSION_SERVER_NAME 0
#define EXTENSION_ALPN 16
#define SERVER_NAME_HOST 0
#define HOST_MOST 255

static uint32_t number(const char *at, size_t bytes)
{
	uint32_t value = 0;
	for (size_t i = 0; i < bytes; i++)
		value = value << 8 | (uint8_t)at[i];
	return value;
}

/* ---- from records to a message -------------------------------------------------------------------- */

/*
 * The handshake bytes of the records in `in`. DONE: the first message is whole, `pieces` of `total`
 * bytes hold it. What cannot become a hello is seen at its first wrong byte.
 */
struct message {
	size_t total;   /* handshake bytes that are here */
	size_t len;     /* of the first message with its head; 0: not known yet */
	size_t records; /* that it lies in */
	char head[MESSAGE_HEAD];
};

static bool is_record_head(struct slice in)
{
	if (in.len > 0 && in.at[0] != RECORD_HANDSHAKE)
		return false;
	if (in.len > 1 && in.at[1] != 3)
		return false;
	if (in.len < RECORD_HEAD)
		return true;
	uint32_t len = number(in.at + 3, 2);
	return len > 0 && len <= RECORD_MOST;
}

/* Learns the message's head from the next handshake bytes. False: it is no client's hello. */
static bool add_piece(struct message *m, struct slice piece)
{
	for (size_t i = 0; i < piece.len && m->total + i < MESSAGE_HEAD; i++)
		m->head[m->total + i] = piece.at[i];
	m->total += piece.len;
	m->records++;
	if (m->total > 0 && m->head[0] != MESSAGE_CLIENT_HELLO)
		return false;
	if (m->total >= MESSAGE_HEAD)
		m->len = MESSAGE_HEAD + number(m->head + 1, 3);
	return m->len <= CLIENT_HELLO_MOST;
}

/* What is here of the first record's payload; *in moves behind it. */
static struct slice next_piece(struct slice *in)
{
	size_t len = number(in->at + 3, 2), here = in->len - RECORD_HEAD;
	struct slice piece = slice_of(in->at + RECORD_HEAD, len < here ? len : here);
	*in = slice_skip(*in, RECORD_HEAD + piece.len);
	return piece;
}

static enum client_hello_result find_message(struct slice in, struct message *m)
{
	size_t all = in.len;
	*m = (struct message){ 0 };
	while (in.len > 0) {
		if (!is_record_head(in))
			return CLIENT_HELLO_NONE;
		if (in.len <= RECORD_HEAD)
			break;
		if (!add_piece(m, next_piece(&in)))
			return CLIENT_HELLO_NONE;
		if (m->len > 0 && m->total >= m->len)
			return CLIENT_HELLO_DONE;
	}
	return all < CLIENT_HELLO_MOST ? CLIENT_HELLO_MORE : CLIENT_HELLO_NONE;
}

/* The message in one piece: in place, or put together from its records. */
static struct slice join(struct slice in, const struct message *m, struct arena *arena)
{
	if (m->records == 1)
		return slice_of(in.at + RECORD_HEAD, m->len);
	char *whole = arena_alloc(arena, m->total);
	size_t used = 0;
	while (used < m->len) {
		struct slice piece = next_piece(&in);
		memcpy(whole + used, piece.at, piece.len);
		used += piece.len;
	}
	return slice_of(whole, m->len);
}

/* ---- the message --------------------------------------------------------------------------------------- */

/* Takes a vector with a length of so many bytes in front of it. False: it is longer than what is left. */
static bool take_vector(struct slice *rest, size_t length_bytes, struct slice *vector)
{
	if (rest->len < length_bytes)
		return false;
	size_t len = number(rest->at, length_bytes);
	*rest = slice_skip(*rest, length_bytes);
	if (rest->len < len)
		return false;
	*vector = slice_of(rest->at, len);
	*rest = slice_skip(*rest, len);
	return true;
}

static bool is_host_byte(char c)
{
	char lower = slice_lower(c);
	return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
	       c == '_';
}

static bool read_host(struct slice name, struct arena *arena, struct slice *host)
{
	if (!slice_is_absent(*host)) /* one of each type (RFC 6066 3) */
		return false;
	if (name.len > 1 && name.at[name.len - 1] == '.')
		name.len--;
	if (name.len == 0 || name.len > HOST_MOST)
		return false;
	char *lower = arena_alloc(arena, name.len);
	for (size_t i = 0; i < name.len; i++) {
		bool is_gap = name.at[i] == '.' &&
			      (i == 0 || i == name.len - 1 || name.at[i - 1] == '.');
		if (!is_host_byte(name.at[i]) || is_gap)
			return false;
		lower[i] = slice_lower(name.at[i]);
	}
	*host = slice_of(lower, name.len);
	return true;
}

static bool read_server_names(struct slice data, struct arena *arena, struct slice *host)
{
	struct slice list;
	if (!slice_is_absent(*host) || !take_vector(&data, 2, &list) || data.len > 0 ||
	    list.len == 0)
		return false;
	while (list.len > 0) {
		char type = list.at[0];
		struct slice name;
		list = slice_skip(list, 1);
		if (!take_vector(&list, 2, &name))
			return false;
		if (type == SERVER_NAME_HOST && !read_host(name, arena, host))
			return false;
	}
	return true;
}

static bool read_protocols(struct slice data, struct slice *protocols)
{
	struct slice list, protocol;
	if (!slice_is_absent(*protocols) || !take_vector(&data, 2, &list) || data.len > 0 ||
	    list.len == 0)
		return false;
	*protocols = list;
	while (list.len > 0)
		if (!take_vector(&list, 1, &protocol) || protocol.len == 0)
			return false;
	return true;
}

static bool read_extensions(struct slice extensions, struct arena *arena,
			    struct client_hello *hello)
{
	while (extensions.len > 0) {
		struct slice data;
		if (extensions.len < 2)
			return false;
		uint32_t type = number(extensions.at, 2);
		extensions = slice_skip(extensions, 2);
		if (!take_vector(&extensions, 2, &data))
			return false;
		if (type == EXTENSION_SERVER_NAME &&
		    !read_server_names(data, arena, &hello->server_name))
			return false;
		if (type == EXTENSION_ALPN && !read_protocols(data, &hello->protocols))
			return false;
	}
	return true;
}

/* RFC 8446 4.1.2; without extensions as in TLS 1.2 (RFC 5246 7.4.1.2). */
static bool read_hello(struct slice body, struct arena *arena, struct client_hello *hello)
{
	struct slice session, ciphers, compression, extensions;
	if (body.len < 2 + RANDOM_BYTES || body.at[0] != 3)
		return false;
	body = slice_skip(body, 2 + RANDOM_BYTES);
	if (!take_vector(&body, 1, &session) || session.len > SESSION_ID_MOST ||
	    !take_vector(&body, 2, &ciphers) || ciphers.len == 0 || ciphers.len % 2 != 0 ||
	    !take_vector(&body, 1, &compression) || compression.len == 0)
		return false;
	if (body.len == 0)
		return true;
	return take_vector(&body, 2, &extensions) && body.len == 0 &&
	       read_extensions(extensions, arena, hello);
}

enum client_hello_result client_hello_parse(struct slice in, struct arena *arena,
					    struct client_hello *hello)
{
	struct message m;
	*hello = (struct client_hello){ 0 };
	if (in.len > CLIENT_HELLO_MOST)
		in.len = CLIENT_HELLO_MOST;
	enum client_hello_result result = find_message(in, &m);
	if (result != CLIENT_HELLO_DONE)
		return result;
	struct slice message = join(in, &m, arena);
	if (read_hello(slice_skip(message, MESSAGE_HEAD), arena, hello))
		return CLIENT_HELLO_DONE;
	*hello = (struct client_hello){ 0 };
	return CLIENT_HELLO_NONE;
}

bool client_hello_next_protocol(struct slice *list, struct slice *protocol)
{
	return list->len > 0 && take_vector(list, 1, protocol);
}

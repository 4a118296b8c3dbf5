/*
 * A TLS client's first message: it is read a second time here, simply and in another way (RFC 8446
 * 4.1.2, 5.1), and both must agree: on whether it is one, and on what it says. However it is cut and
 * in whatever records it comes, nothing changes.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "tls/client_hello.h"

#include <ctype.h>

/* ---- the model --------------------------------------------------------------------------------------- */

/* What is left to read; once something did not fit, nothing does any more. */
struct reader {
	const uint8_t *at;
	size_t left;
	bool is_bad;
};

static size_t read_number(struct reader *r, unsigned bytes)
{
	size_t value = 0;
	for (; bytes > 0; bytes--, r->at++, r->left--) {
		if (r->left == 0) {
			r->is_bad = true;
			return 0;
		}
		value = value * 256 + *r->at;
	}
	return value;
}

static struct reader read_part(struct reader *r, size_t len)
{
	struct reader part = { r->at, len, false };
	if (r->is_bad || len > r->left) {
		r->is_bad = part.is_bad = true;
		part.left = 0;
		return part;
	}
	r->at += len;
	r->left -= len;
	return part;
}

struct model {
	enum client_hello_result result;
	size_t len; /* of the message */
	uint8_t *message;
	char name[256];
	bool has_name, has_protocols;
	struct reader protocols;
};

static bool read_name(struct reader list, struct model *m)
{
	while (list.left > 0) {
		size_t type = read_number(&list, 1);
		struct reader name = read_part(&list, read_number(&list, 2));
		if (list.is_bad || (type == 0 && m->has_name))
			return false;
		if (type != 0)
			continue;
		m->has_name = true;
		if (name.left > 1 && name.at[name.left - 1] == '.')
			name.left--;
		if (name.left == 0 || name.left > 255)
			return false;
		for (size_t i = 0; i < name.left; i++)
			m->name[i] = (char)tolower(name.at[i]);
		m->name[name.left] = '\0';
		if (strspn(m->name, "abcdefghijklmnopqrstuvwxyz0123456789-._") != name.left ||
		    strstr(m->name, "..") != NULL || m->name[0] == '.' ||
		    m->name[name.left - 1] == '.')
			return false;
	}
	return true;
}

static bool read_protocols(struct reader list, struct model *m)
{
	m->protocols = list;
	m->has_protocols = true;
	while (list.left > 0)
		if (read_part(&list, read_number(&list, 1)).left == 0)
			return false;
	return true;
}

static bool read_extension(size_t type, struct reader data, struct model *m)
{
	if (type != 0 && type != 16)
		return true;
	struct reader list = read_part(&data, read_number(&data, 2));
	if (data.is_bad || data.left > 0 || list.left == 0)
		return false;
	if (type == 16)
		return !m->has_protocols && read_protocols(list, m);
	return !m->has_name && read_name(list, m);
}

static bool read_message(struct model *m)
{
	struct reader body = { m->message + 4, m->len - 4, false };
	size_t major = read_number(&body, 1);
	read_part(&body, 33);
	struct reader session = read_part(&body, read_number(&body, 1));
	struct reader ciphers = read_part(&body, read_number(&body, 2));
	struct reader compression = read_part(&body, read_number(&body, 1));
	if (body.is_bad || major != 3 || session.left > 32 || ciphers.left == 0 ||
	    ciphers.left % 2 == 1 || compression.left == 0)
		return false;
	if (body.left == 0)
		return true;
	struct reader all = read_part(&body, read_number(&body, 2));
	if (body.is_bad || body.left > 0)
		return false;
	while (all.left > 0) {
		size_t type = read_number(&all, 2);
		struct reader data = read_part(&all, read_number(&all, 2));
		if (all.is_bad || !read_extension(type, data, m))
			return false;
	}
	return true;
}

/* The handshake bytes, one after the other. Stops at the first that cannot be. */
static enum client_hello_result collect(const uint8_t *bytes, size_t len, struct model *m)
{
	size_t count = 0, in_record = 0;
	for (size_t i = 0; i < len; i++) {
		if (in_record > 0) {
			m->message[count++] = bytes[i];
			in_record--;
			if (count == 1 && bytes[i] != 1)
				return CLIENT_HELLO_NONE;
			if (count == 4)
				m->len = 4 + (size_t)m->message[1] * 65536 +
					 (size_t)m->message[2] * 256 + m->message[3];
			if (m->len > 65536)
				return CLIENT_HELLO_NONE;
			if (m->len > 0 && count >= m->len)
				return CLIENT_HELLO_DONE;
			continue;
		}
		if (bytes[i] != 22 || (i + 1 < len && bytes[i + 1] != 3))
			return CLIENT_HELLO_NONE;
		if (i + 4 >= len)
			break;
		in_record = (size_t)bytes[i + 3] * 256 + bytes[i + 4];
		if (in_record == 0 || in_record > 16384)
			return CLIENT_HELLO_NONE;
		i += 4;
	}
	return len < 65536 ? CLIENT_HELLO_MORE : CLIENT_HELLO_NONE;
}

/* ---- both ----------------------------------------------------------------------------------------------- */

static enum client_hello_result parse(const uint8_t *bytes, size_t len, struct arena *arena,
				      struct client_hello *hello)
{
	struct slice copy = fuzz_copy(bytes, len);
	enum client_hello_result result = client_hello_parse(copy, arena, hello);
	/* one of them may lie in the input */
	if (!slice_is_absent(hello->protocols))
		hello->protocols = arena_copy(arena, hello->protocols);
	free((char *)(uintptr_t)copy.at);
	return result;
}

static void expect_same(const struct client_hello *hello, const struct model *m)
{
	struct slice rest = hello->protocols, protocol;
	size_t bytes = 0;
	fuzz_expect(slice_is_absent(hello->server_name) == !m->has_name);
	if (m->has_name)
		fuzz_expect(slice_is_equal(hello->server_name, slice_of_string(m->name)));
	fuzz_expect(slice_is_absent(hello->protocols) == !m->has_protocols);
	while (client_hello_next_protocol(&rest, &protocol)) {
		const char *expected = (const char *)m->protocols.at + bytes + 1;
		fuzz_expect(slice_is_equal(protocol, slice_of(expected, protocol.len)));
		bytes += 1 + protocol.len;
	}
	fuzz_expect(!m->has_protocols || bytes == m->protocols.left);
}

/* The same message in other records. */
static void put_in_records(const struct model *m, size_t size, struct arena *arena)
{
	uint8_t *records = malloc(m->len * 6);
	struct client_hello hello;
	size_t used = 0;
	for (size_t at = 0; at < m->len; at += size) {
		size_t part = m->len - at < size ? m->len - at : size;
		const uint8_t head[] = { 22, 3, 1, (uint8_t)(part >> 8), (uint8_t)part };
		memcpy(records + used, head, sizeof head);
		memcpy(records + used + sizeof head, m->message + at, part);
		used += sizeof head + part;
	}
	fuzz_expect(parse(records, used, arena, &hello) == m->result);
	if (m->result == CLIENT_HELLO_DONE)
		expect_same(&hello, m);
	free(records);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct arena arena;
	struct client_hello hello, early;
	if (len == 0)
		return 0;
	struct model m = { .message = malloc(len) };
	arena_init(&arena);
	enum client_hello_result result = parse(bytes, len, &arena, &hello);
	m.result = collect(bytes, len, &m);
	bool is_message = m.result == CLIENT_HELLO_DONE;
	if (is_message && !read_message(&m))
		m.result = CLIENT_HELLO_NONE;
	fuzz_expect(m.result == result);
	if (result == CLIENT_HELLO_DONE)
		expect_same(&hello, &m);
	if (is_message)
		put_in_records(&m, 1 + bytes[len - 1] % 16, &arena);
	/* cut anywhere: more is wanted, or what is found already is what is found in the end */
	size_t cut = (size_t)bytes[len / 2] * len / 256;
	enum client_hello_result sooner = parse(bytes, cut, &arena, &early);
	fuzz_expect(sooner == CLIENT_HELLO_MORE || sooner == result);
	if (sooner == CLIENT_HELLO_DONE)
		expect_same(&early, &m);
	arena_release(&arena);
	free(m.message);
	return 0;
}

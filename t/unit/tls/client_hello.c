/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/client_hello.h"

#include "../edge.h"

#define COUNT(rows) (sizeof rows / sizeof rows[0])
#define S(text) SLICE_INIT(text)

#define RANDOM "0123456789abcdef0123456789abcdef"
#define BEGIN "\x03\x03" RANDOM
#define NO_SESSION "\0"
#define CIPHERS "\0\x02\x13\x01"
#define COMPRESSION "\x01\0"
#define PLAIN BEGIN NO_SESSION CIPHERS COMPRESSION

static struct arena arena;

/* Text whose end is the end of a readable page. */
static struct slice at_edge(struct slice text)
{
	static char *memory;
	return edge_copy(&memory, text);
}

static enum client_hello_result parse(struct slice text, struct client_hello *hello)
{
	memset(hello, 0xee, sizeof *hello);
	enum client_hello_result result = client_hello_parse(at_edge(text), &arena, hello);
	if (result != CLIENT_HELLO_DONE) {
		cr_expect(slice_is_absent(hello->server_name));
		cr_expect(slice_is_absent(hello->protocols));
	}
	return result;
}

static size_t put(char *to, size_t at, struct slice bytes)
{
	memcpy(to + at, bytes.at, bytes.len);
	return at + bytes.len;
}

static size_t put_number(char *to, size_t at, size_t value, unsigned bytes)
{
	while (bytes-- > 0)
		to[at++] = (char)(value >> 8 * bytes);
	return at;
}

/* A client's hello, in records with up to `size` bytes of it. The room is used again. */
static struct slice in_records(struct slice body, size_t size)
{
	static char message[EDGE_BYTES], records[EDGE_BYTES * 8];
	size_t len = 0, used = 0;
	message[len++] = 1;
	len = put_number(message, len, body.len, 3);
	len = put(message, len, body);
	for (size_t at = 0; at < len;) {
		size_t part = len - at < size ? len - at : size;
		used = put(records, used, SLICE("\x16\x03\x01"));
		used = put_number(records, used, part, 2);
		used = put(records, used, slice_of(message + at, part));
		at += part;
	}
	return slice_of(records, used);
}

static struct slice record(struct slice body)
{
	return in_records(body, 16384);
}

/* A hello with these extensions. The room is used again. */
static struct slice with_extensions(struct slice extensions)
{
	static char body[EDGE_BYTES];
	size_t len = put(body, 0, SLICE(PLAIN));
	len = put_number(body, len, extensions.len, 2);
	return slice_of(body, put(body, len, extensions));
}

static void expect_name(struct slice text, const char *name)
{
	struct client_hello hello;
	cr_assert_eq(parse(text, &hello), CLIENT_HELLO_DONE);
	if (name == NULL)
		cr_expect(slice_is_absent(hello.server_name));
	else
		cr_expect(slice_is_equal(hello.server_name, slice_of_string(name)), "%s: %.*s",
			  name, SLICE_PRINT(hello.server_name));
}

/* Each prefix of it wants more. */
static void expect_whole(struct slice text)
{
	struct client_hello hello;
	for (size_t len = 0; len < text.len; len++)
		cr_assert_eq(parse(slice_of(text.at, len), &hello), CLIENT_HELLO_MORE, "%zu", len);
	cr_expect_eq(parse(text, &hello), CLIENT_HELLO_DONE);
}

#define NAME(list) "\0\0" list
#define WWW "\0\x0d\0\x0b\0\0\x08www.test"

Test(client_hello, names)
{
	static const struct {
		struct slice extensions;
		const char *name;
	} rows[] = {
		{ S(""), NULL },
		{ S("\0\x2b\0\x03\x02\x03\x04"), NULL },
		{ S(NAME(WWW)), "www.test" },
		{ S("\0\x2b\0\x03\x02\x03\x04" NAME(WWW)), "www.test" },
		{ S(NAME("\0\x0d\0\x0b\0\0\x08WwW.TEST")), "www.test" },
		{ S(NAME("\0\x0e\0\x0c\0\0\x09www.test.")), "www.test" },
		{ S(NAME("\0\x0e\0\x0c\0\0\x09"
			 "a-_.Z0.9z")),
		  "a-_.z0.9z" },
		/* other types of names: none is known, so they are passed over */
		{ S(NAME("\0\x07\0\x05\x01\0\x02?!")), NULL },
		{ S(NAME("\0\x12\0\x10\x01\0\x02?!\0\0\x08www.test")), "www.test" },
	};
	for (size_t i = 0; i < COUNT(rows); i++)
		expect_name(record(with_extensions(rows[i].extensions)), rows[i].name);
	expect_name(record(SLICE(PLAIN)), NULL); /* before there were extensions */
}

Test(client_hello, longest_name)
{
	static char extension[1000];
	for (size_t len = 254; len <= 258; len++) {
		struct client_hello hello;
		size_t at = put_number(extension, 0, 0, 2);
		at = put_number(extension, at, len + 5, 2);
		at = put_number(extension, at, len + 3, 2);
		at = put_number(extension, at, 0, 1);
		at = put_number(extension, at, len, 2);
		memset(extension + at, 'x', len);
		extension[at + len - 1] = len == 256 ? '.' : 'x'; /* which does not count */
		struct slice text = record(with_extensions(slice_of(extension, at + len)));
		cr_expect_eq(parse(text, &hello),
			     len <= 256 ? CLIENT_HELLO_DONE : CLIENT_HELLO_NONE, "%zu", len);
	}
}

Test(client_hello, protocols)
{
	struct client_hello hello;
	struct slice protocol;
	struct slice offers = SLICE("\0\x10\0\x0e\0\x0c\x02h2\x08http/1.1");
	cr_assert_eq(parse(record(with_extensions(offers)), &hello), CLIENT_HELLO_DONE);
	cr_assert(client_hello_next_protocol(&hello.protocols, &protocol));
	cr_expect(slice_is_equal(protocol, SLICE("h2")));
	cr_assert(client_hello_next_protocol(&hello.protocols, &protocol));
	cr_expect(slice_is_equal(protocol, SLICE("http/1.1")));
	cr_expect_not(client_hello_next_protocol(&hello.protocols, &protocol));
}

Test(client_hello, any_pieces_and_records)
{
	static const size_t sizes[] = { 16384, 100, 50, 7, 4, 3, 2, 1 };
	struct slice body = with_extensions(SLICE(NAME(WWW) "\0\x10\0\x05\0\x03\x02h2"));
	for (size_t i = 0; i < COUNT(sizes); i++) {
		expect_whole(in_records(body, sizes[i]));
		expect_name(in_records(body, sizes[i]), "www.test");
	}
}

Test(client_hello, what_follows_is_not_looked_at)
{
	static char text[1000];
	size_t len = put(text, 0, record(with_extensions(SLICE(NAME(WWW)))));
	len = put(text, len, SLICE("\x17no record"));
	expect_name(slice_of(text, len), "www.test");
	/* another message in the same record */
	len = put(text, 0, record(with_extensions(SLICE(NAME(WWW)))));
	len = put(text, len, SLICE("\x02more"));
	put_number(text, 3, len - 5, 2);
	expect_name(slice_of(text, len), "www.test");
}

/* Each is seen at its last byte. */
Test(client_hello, no_record)
{
	static const struct slice rows[] = {
		S("G"),
		S("\x15"),
		S("\x16\x02"),
		S("\x16\x04"),
		S("\x16\x03\x01\0\0"),
		S("\x16\x03\x01\x40\x01"),
		S("\x16\x03\x01\0\x05\x02"),         /* what a server says */
		S("\x16\x03\x01\0\x05\x01\x01\0\0"), /* too long */
		S("\x16\x03\x01\0\x05\x01\0\xff\xfd"),
		S("\x16\x03\x01\0\x02\x01\0\x17"),
		S("\x16\x03\x01\0\x02\x01\0\x16\x03\x03\0\0"),
	};
	struct client_hello hello;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct slice before = slice_of(rows[i].at, rows[i].len - 1);
		cr_expect_eq(parse(rows[i], &hello), CLIENT_HELLO_NONE, "%zu", i);
		cr_expect_eq(parse(before, &hello), CLIENT_HELLO_MORE, "%zu", i);
	}
	cr_expect_eq(parse(SLICE("\x16\x03\xff\x40\0\x01\0\xff\xfc"), &hello), CLIENT_HELLO_MORE);
}

/* clang-format off */
static const struct slice malformed_bodies[] = {
	S(""),
	S("\x03\x03"),
	S("\x03\x03" "0123456789abcdef0123456789abcde"),
	S(BEGIN),
	S("\x02\x03" RANDOM NO_SESSION CIPHERS COMPRESSION),
	S(BEGIN "\x21" RANDOM "x" CIPHERS COMPRESSION),
	S(BEGIN "\x20" "short"),
	S(BEGIN NO_SESSION "\0"),
	S(BEGIN NO_SESSION "\0\0" COMPRESSION),
	S(BEGIN NO_SESSION "\0\x03\x13\x01\x13" COMPRESSION),
	S(BEGIN NO_SESSION "\0\x08\x13\x01" COMPRESSION),
	S(BEGIN NO_SESSION CIPHERS),
	S(BEGIN NO_SESSION CIPHERS "\0"),
	S(BEGIN NO_SESSION CIPHERS "\x02\0"),
	S(PLAIN "\0"),
	S(PLAIN "\0\x01"),
	S(PLAIN "\0\0x"),
	S(PLAIN "\0\x01x"),
	S(PLAIN "\0\x03\0\x2b\0"),
	S(PLAIN "\0\x05\0\x2b\0\x02x"),
};
static const struct slice malformed_extensions[] = {
	S(NAME("\0\0")),
	S(NAME("\0\x02\0\0")),
	S(NAME("\0\x01\0")),
	S(NAME("\0\x03\0\x01\0")),
	S(NAME("\0\x05\0\x03\0\0\0")),             /* no name */
	S(NAME("\0\x06\0\x04\0\0\x02x")),          /* it is longer than that */
	S(NAME("\0\x07\0\x04\0\0\x01xy")),         /* something behind it */
	S(NAME("\0\x06\0\x05\0\0\x01x")),          /* the list is longer */
	S(NAME("\0\x0a\0\x08\0\0\x01x\0\0\x01y")), /* two */
	S(NAME("\0\x06\0\x04\0\0\x01.")),
	S(NAME("\0\x07\0\x05\0\0\x02.a")),
	S(NAME("\0\x09\0\x07\0\0\x04" "a..b")),
	S(NAME("\0\x08\0\x06\0\0\x03" "a..")),
	S(NAME("\0\x08\0\x06\0\0\x03" "a b")),
	S(NAME("\0\x08\0\x06\0\0\x03" "a\0b")),
	S(NAME("\0\x08\0\x06\0\0\x03" "a/b")),
	S(NAME("\0\x08\0\x06\0\0\x03" "a\xc3\xa4")),
	S(NAME("\0\x06\0\x04\0\0\x01:")),
	S(NAME("\0\x06\0\x04\0\0\x01@")),
	S(NAME("\0\x06\0\x04\0\0\x01[")),
	S(NAME("\0\x06\0\x04\0\0\x01{")),
	S(NAME("\0\x06\0\x04\0\0\x01x") NAME("\0\x06\0\x04\0\0\x01x")),
	S("\0\x10\0\0"),
	S("\0\x10\0\x02\0\0"),
	S("\0\x10\0\x03\0\x01\0"),
	S("\0\x10\0\x05\0\x04\x02h2"),
	S("\0\x10\0\x06\0\x03\x02h2x"),
	S("\0\x10\0\x05\0\x03\x03h2"),
	S("\0\x10\0\x06\0\x04\x02h2\0"),
	S("\0\x10\0\x05\0\x03\x02h2\0\x10\0\x05\0\x03\x02h2"),
};
/* clang-format on */

Test(client_hello, malformed)
{
	struct client_hello hello;
	for (size_t i = 0; i < COUNT(malformed_bodies); i++)
		cr_expect_eq(parse(record(malformed_bodies[i]), &hello), CLIENT_HELLO_NONE,
			     "body %zu", i);
	for (size_t i = 0; i < COUNT(malformed_extensions); i++)
		cr_expect_eq(parse(record(with_extensions(malformed_extensions[i])), &hello),
			     CLIENT_HELLO_NONE, "extension %zu", i);
}

/* 64 KiB with its records, and not a byte more. */
Test(client_hello, longest)
{
	static char extension[EDGE_BYTES];
	struct client_hello hello;
	const size_t around = 5 * 5 + 4 + sizeof PLAIN - 1 + 2 + 4;
	for (size_t len = CLIENT_HELLO_MOST - 2; len <= CLIENT_HELLO_MOST + 2; len++) {
		size_t room = len - around + 5;
		put_number(extension, 0, 0x15, 2);
		put_number(extension, 2, room, 2);
		struct slice text = record(with_extensions(slice_of(extension, room + 4)));
		cr_assert_eq(text.len, len, "%zu", text.len);
		cr_expect_eq(parse(text, &hello),
			     len <= CLIENT_HELLO_MOST ? CLIENT_HELLO_DONE : CLIENT_HELLO_NONE,
			     "%zu", len);
	}
	/* in records of a byte each it gets there much earlier */
	struct slice text = in_records(slice_of(extension, 20000), 1);
	cr_expect_eq(parse(slice_of(text.at, CLIENT_HELLO_MOST - 1), &hello), CLIENT_HELLO_MORE);
	cr_expect_eq(parse(slice_of(text.at, CLIENT_HELLO_MOST), &hello), CLIENT_HELLO_NONE);
}

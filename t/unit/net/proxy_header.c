/* SPDX-License-Identifier: Apache-2.0 */
#include "net/proxy_header.h"

#include "../edge.h"

#define COUNT(rows) (sizeof rows / sizeof rows[0])
#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
/* What lies behind a header is not its own. */
#define BEHIND "PROXY "

/* Text whose end is the end of a readable page. */
static struct slice at_edge(struct slice text)
{
	static char *memory;
	return edge_copy(&memory, text);
}

static enum proxy_parse parse(struct slice text, struct proxy_header *h, size_t *used,
			      enum proxy_fault *why)
{
	memset(h, 0xee, sizeof *h);
	*used = 999999;
	return proxy_header_parse(at_edge(text), h, used, why);
}

/* The header, and bytes behind it; and each of its prefixes wants more. */
static struct proxy_header taken(struct slice text)
{
	struct proxy_header h;
	enum proxy_fault why;
	size_t used;
	static char whole[EDGE_BYTES];
	for (size_t len = 0; len < text.len; len++)
		cr_assert_eq(parse(slice_of(text.at, len), &h, &used, &why), PROXY_MORE,
			     "%zu of '%.*s'", len, SLICE_PRINT(text));
	memcpy(whole, text.at, text.len);
	memcpy(whole + text.len, BEHIND, sizeof BEHIND - 1);
	cr_assert_eq(parse(slice_of(whole, text.len + sizeof BEHIND - 1), &h, &used, &why),
		     PROXY_DONE, "'%.*s'", SLICE_PRINT(text));
	cr_assert_eq(used, text.len);
	cr_assert_eq(parse(text, &h, &used, &why), PROXY_DONE);
	cr_assert_eq(used, text.len);
	return h;
}

static void expect_address(const struct addr *a, const char *text)
{
	char out[ADDR_TEXT_BYTES];
	cr_expect_str_eq(addr_format(a, out), text);
}

static void expect_fault(struct slice text, enum proxy_fault fault)
{
	struct proxy_header h;
	enum proxy_fault why = PROXY_FAULT_NONE;
	size_t used;
	cr_expect_eq(parse(text, &h, &used, &why), PROXY_BAD, "'%.*s'", SLICE_PRINT(text));
	cr_expect_eq(why, fault, "%d for '%.*s'", why, SLICE_PRINT(text));
}

/* ---- version 1 ------------------------------------------------------------------------------------- */

Test(proxy_header, lines)
{
	static const struct {
		const char *text, *source, *dest;
	} rows[] = {
		{ "PROXY TCP4 1.2.3.4 5.6.7.8 9 10\r\n", "1.2.3.4:9", "5.6.7.8:10" },
		{ "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
		  "255.255.255.255:65535", "255.255.255.255:65535" },
		{ "PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", "0.0.0.0:0", "0.0.0.0:0" },
		{ "PROXY TCP6 2001:DB8::1 fd00::2 65535 443\r\n", "[2001:db8::1]:65535",
		  "[fd00::2]:443" },
		{ "PROXY TCP6 1:2:3:4:5:6:7:8 :: 1 2\r\n", "[1:2:3:4:5:6:7:8]:1", "[::]:2" },
		{ "PROXY TCP6 ::ffff:1.2.3.4 ::ffff:102:304 1 2\r\n", "[::ffff:1.2.3.4]:1",
		  "[::ffff:1.2.3.4]:2" },
		{ "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
		  "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
		  "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535" },
		{ "PROXY UNKNOWN\r\n", "", "" },
		{ "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
		  "", "" },
		{ "PROXY UNKNOWN  what\rever it \x01 is\r\n", "", "" },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct proxy_header h = taken(slice_of_string(rows[i].text));
		expect_address(&h.source, rows[i].source);
		expect_address(&h.dest, rows[i].dest);
		cr_expect_eq(h.tlvs.len, 0);
	}
}

Test(proxy_header, bad_lines)
{
	static const char *const rows[] = {
		"PROXY\r\n",
		"PROXY \r\n",
		"PROXY  TCP4 1.2.3.4 5.6.7.8 9 10\r\n",
		"PROXY\tTCP4 1.2.3.4 5.6.7.8 9 10\r\n",
		"PROXYTCP4 1.2.3.4 5.6.7.8 9 10\r\n",
		"PROXY TCP 1.2.3.4 5.6.7.8 9 10\r\n",
		"PROXY tcp4 1.2.3.4 5.6.7.8 9 10\r\n",
		"PROXY UDP4 1.2.3.4 5.6.7.8 9 10\r\n",
		"PROXY UNKNOWNS\r\n",
		"PROXY unknown\r\n",
		"PROXY UNKNOWN\n",
		"\nPROXY",
		"PROXY TCP4\r\n",
		"PROXY TCP4 1.2.3.4\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 9\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 9 \r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 9 10 \r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 9 10 11\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 9 10\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 9 10\r\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 9\r10\r\n",
		"PROXY TCP4  1.2.3.4 5.6.7.8 9 10\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8  9 10\r\n",
		"PROXY TCP4 1.2.3.256 5.6.7.8 9 10\r\n",
		"PROXY TCP4 1.2.3.04 5.6.7.8 9 10\r\n",
		"PROXY TCP4 1.2.3 5.6.7.8 9 10\r\n",
		"PROXY TCP4 ::1 ::2 9 10\r\n",
		"PROXY TCP4 1.2.3.4 ::2 9 10\r\n",
		"PROXY TCP4 1.2.3.4 localhost 9 10\r\n",
		"PROXY TCP6 1.2.3.4 5.6.7.8 9 10\r\n",
		"PROXY TCP6 [::1] ::2 9 10\r\n",
		"PROXY TCP6 fe80::1%1 ::2 9 10\r\n",
		"PROXY TCP6 00001::1 ::2 9 10\r\n",
		"PROXY TCP6 1::2::3 ::2 9 10\r\n",
		"PROXY TCP6 1:2:3:4:5:6:7 ::2 9 10\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 65536 10\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 99999 10\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 4294967305 10\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 09 10\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 00 10\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 -9 10\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 +9 10\r\n",
		"PROXY TCP4 1.2.3.4 5.6.7.8 9 0x1\r\n",
	};
	for (size_t i = 0; i < COUNT(rows); i++)
		expect_fault(slice_of_string(rows[i]),
			     rows[i][0] == '\n' ? PROXY_FAULT_MISSING : PROXY_FAULT_MALFORMED);
	expect_fault(SLICE("PROXY TCP4 1.2.3.4\0 5.6.7.8 9 10\r\n"), PROXY_FAULT_MALFORMED);
}

Test(proxy_header, a_line_of_108_bytes_is_too_long)
{
	char line[256];
	memset(line, 'x', sizeof line);
	memcpy(line, "PROXY UNKNOWN ", 14);
	struct proxy_header h;
	enum proxy_fault why;
	size_t used;
	memcpy(line + 105, "\r\n", 2);
	cr_expect_eq(parse(slice_of(line, 107), &h, &used, &why), PROXY_DONE);
	memcpy(line + 105, "x\r\n", 3);
	cr_expect_eq(parse(slice_of(line, 106), &h, &used, &why), PROXY_MORE);
	expect_fault(slice_of(line, 107), PROXY_FAULT_LONG);
	expect_fault(slice_of(line, 108), PROXY_FAULT_LONG);
}

Test(proxy_header, something_else_is_known_at_its_first_strange_byte)
{
	static const struct slice rows[] = {
		SLICE_INIT("GET / HTTP/1.1\r\n"),
		SLICE_INIT("POST"),
		SLICE_INIT("\x16\x03\x01"),
		SLICE_INIT("\r\n\r\nGET"),
		SLICE_INIT("\n"),
		SLICE_INIT("\r\n\r\n\0\r\nQUIR"),
		SLICE_INIT("PROXX"),
		SLICE_INIT(" "),
		SLICE_INIT("\0"),
	};
	for (size_t i = 0; i < COUNT(rows); i++)
		expect_fault(rows[i], PROXY_FAULT_MISSING);
}

/* ---- version 2 ------------------------------------------------------------------------------------- */

#define IPV4_BLOCK "\1\2\3\4\5\6\7\x08\x1f\x90\0\x50"
#define IPV6_BLOCK \
	"\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2\xff\xff\1\xbb"

Test(proxy_header, binary)
{
	static const struct {
		struct slice text;
		const char *source, *dest;
		size_t tlv_bytes;
	} rows[] = {
		{ SLICE_INIT(SIGNATURE "\x21\x11\0\x0c" IPV4_BLOCK), "1.2.3.4:8080", "5.6.7.8:80",
		  0 },
		{ SLICE_INIT(SIGNATURE "\x21\x12\0\x0c" IPV4_BLOCK), "1.2.3.4:8080", "5.6.7.8:80",
		  0 },
		{ SLICE_INIT(SIGNATURE "\x21\x21\0\x24" IPV6_BLOCK), "[2001:db8::1]:65535",
		  "[fd00::2]:443", 0 },
		{ SLICE_INIT(SIGNATURE "\x21\x22\0\x24" IPV6_BLOCK), "[2001:db8::1]:65535",
		  "[fd00::2]:443", 0 },
		{ SLICE_INIT(SIGNATURE "\x21\x11\0\x0f" IPV4_BLOCK "\4\0\0"), "1.2.3.4:8080",
		  "5.6.7.8:80", 3 },
		{ SLICE_INIT(SIGNATURE "\x21\x11\0\x12" IPV4_BLOCK "\2\0\3abc"), "1.2.3.4:8080",
		  "5.6.7.8:80", 6 },
		/* LOCAL: whatever follows is thrown away, its family too */
		{ SLICE_INIT(SIGNATURE "\x20\0\0\0"), "", "", 0 },
		{ SLICE_INIT(SIGNATURE "\x20\x11\0\x0c" IPV4_BLOCK), "", "", 0 },
		{ SLICE_INIT(SIGNATURE "\x20\xff\0\3abc"), "", "", 0 },
		/* unspecified, whole or in part */
		{ SLICE_INIT(SIGNATURE "\x21\0\0\0"), "", "", 0 },
		{ SLICE_INIT(SIGNATURE "\x21\0\0\3abc"), "", "", 0 },
		{ SLICE_INIT(SIGNATURE "\x21\x10\0\x0c" IPV4_BLOCK), "", "", 0 },
		{ SLICE_INIT(SIGNATURE "\x21\1\0\x0c" IPV4_BLOCK), "", "", 0 },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct proxy_header h = taken(rows[i].text);
		expect_address(&h.source, rows[i].source);
		expect_address(&h.dest, rows[i].dest);
		cr_expect_eq(h.tlvs.len, rows[i].tlv_bytes);
	}
}

Test(proxy_header, unix_sockets_name_no_addresses_but_have_tlvs)
{
	static char text[16 + 216 + 5] = SIGNATURE "\x21\x31\0\xdd";
	memset(text + 16, '/', 216);
	memcpy(text + 16 + 216, "\xe0\0\2hi", 5);
	struct proxy_header h = taken(slice_of(text, sizeof text));
	cr_expect_eq(h.source.family, ADDR_NONE);
	cr_expect(slice_is_equal(proxy_header_find_tlv(h.tlvs, 0xe0), SLICE("hi")));
	text[15] = (char)0xd7; /* one byte short of both */
	expect_fault(slice_of(text, 16 + 215), PROXY_FAULT_MALFORMED);
}

Test(proxy_header, bad_binary)
{
	static const struct slice rows[] = {
		SLICE_INIT(SIGNATURE "\x11"), /* at its first strange byte */
		SLICE_INIT(SIGNATURE "\x31\x11\0\x0c" IPV4_BLOCK),
		SLICE_INIT(SIGNATURE "\x22\x11\0\x0c" IPV4_BLOCK),
		SLICE_INIT(SIGNATURE "\x2f\x11\0\x0c" IPV4_BLOCK),
		SLICE_INIT(SIGNATURE "\x21\x13\0\x0c" IPV4_BLOCK),
		SLICE_INIT(SIGNATURE "\x21\x41\0\x0c" IPV4_BLOCK),
		SLICE_INIT(SIGNATURE "\x21\x11\0\x0b" IPV4_BLOCK),
		SLICE_INIT(SIGNATURE "\x21\x11\0\0"),
		SLICE_INIT(SIGNATURE "\x21\x21\0\x23" IPV6_BLOCK),
		SLICE_INIT(SIGNATURE "\x21\x21\0\x0c" IPV4_BLOCK),
		SLICE_INIT(SIGNATURE "\x21\x11\0\x0d" IPV4_BLOCK "\4"),
		SLICE_INIT(SIGNATURE "\x21\x11\0\x0e" IPV4_BLOCK "\4\0"),
		SLICE_INIT(SIGNATURE "\x21\x11\0\x0f" IPV4_BLOCK "\4\0\1"),
		SLICE_INIT(SIGNATURE "\x21\x11\0\x0f" IPV4_BLOCK "\4\xff\xff"),
		SLICE_INIT(SIGNATURE "\x21\x11\0\x13" IPV4_BLOCK "\2\0\3abc\0"),
		/* a checksum of three bytes, of five, and two of them */
		SLICE_INIT(SIGNATURE "\x21\x11\0\x12" IPV4_BLOCK "\3\0\3\0\0\0"),
		SLICE_INIT(SIGNATURE "\x21\x11\0\x14" IPV4_BLOCK "\3\0\5\0\0\0\0\0"),
		SLICE_INIT(SIGNATURE "\x21\x11\0\x1a" IPV4_BLOCK "\3\0\4\0\0\0\0\3\0\4\0\0\0\0"),
	};
	for (size_t i = 0; i < COUNT(rows); i++)
		expect_fault(rows[i], PROXY_FAULT_MALFORMED);
}

Test(proxy_header, a_unique_number_has_128_bytes_at_most)
{
	static char text[16 + 12 + 3 + 129] = SIGNATURE "\x21\x11\0\x8f" IPV4_BLOCK "\5\0\x80";
	struct proxy_header h = taken(slice_of(text, sizeof text - 1));
	cr_expect_eq(proxy_header_find_tlv(h.tlvs, 5).len, 128);
	text[15] = (char)0x90;
	text[16 + 12 + 2] = (char)0x81;
	expect_fault(slice_of(text, sizeof text), PROXY_FAULT_MALFORMED);
}

/* The sum was found by another program, which knows 0xe3069283 for "123456789". */
Test(proxy_header, checksums)
{
	static char text[] = SIGNATURE
		"\x21\x11\0\x13\x7f\0\0\1\x7f\0\0\1\x9c\x40\x1f\x90\3\0\4\0\0\0\0";
	struct slice whole = slice_of(text, sizeof text - 1);
	unsigned matches = 0;
	/* of all sums that differ from the right one in one bit of it none is right */
	expect_fault(whole, PROXY_FAULT_CHECKSUM);
	memcpy(text + sizeof text - 5, "\x77\xb4\x85\x15", 4);
	taken(whole);
	for (unsigned bit = 0; bit < 32; bit++) {
		text[sizeof text - 5 + bit / 8] ^= (char)(1 << bit % 8);
		struct proxy_header h;
		enum proxy_fault why;
		size_t used;
		matches += parse(whole, &h, &used, &why) == PROXY_DONE;
		text[sizeof text - 5 + bit / 8] ^= (char)(1 << bit % 8);
	}
	cr_expect_eq(matches, 0);
	text[20] ^= 1; /* an address that was changed on the way */
	expect_fault(whole, PROXY_FAULT_CHECKSUM);
}

Test(proxy_header, of_more_than_4096_bytes)
{
	static char text[PROXY_HEADER_BINARY_MOST + 1] = SIGNATURE "\x21\x11\x0f\xf0" IPV4_BLOCK
								   "\4\x0f\xe1";
	struct proxy_header h;
	enum proxy_fault why;
	size_t used;
	cr_expect_eq(parse(slice_of(text, PROXY_HEADER_BINARY_MOST - 1), &h, &used, &why),
		     PROXY_MORE);
	cr_expect_eq(parse(slice_of(text, PROXY_HEADER_BINARY_MOST), &h, &used, &why), PROXY_DONE);
	text[15] = (char)0xf1;
	text[16 + 12 + 2] = (char)0xe2;
	expect_fault(slice_of(text, 16), PROXY_FAULT_LONG); /* before its bytes are waited for */
	expect_fault(slice_of(text, sizeof text), PROXY_FAULT_LONG);
	memcpy(text + 12, "\x20\0\xff\xff", 4);
	expect_fault(slice_of(text, 16), PROXY_FAULT_LONG);
}

Test(proxy_header, tlvs_are_found_by_type)
{
	struct slice tlvs = SLICE("\2\0\3abc\4\0\0\xe0\0\1x\xe0\0\1y");
	cr_expect(slice_is_equal(proxy_header_find_tlv(tlvs, 2), SLICE("abc")));
	cr_expect(slice_is_equal(proxy_header_find_tlv(tlvs, 0xe0), SLICE("x")));
	cr_expect_eq(proxy_header_find_tlv(tlvs, 4).len, 0);
	cr_expect(!slice_is_absent(proxy_header_find_tlv(tlvs, 4)));
	cr_expect(slice_is_absent(proxy_header_find_tlv(tlvs, 1)));
	cr_expect(slice_is_absent(proxy_header_find_tlv(SLICE(""), 2)));
}

/* ---- writing --------------------------------------------------------------------------------------- */

static struct addr address(const char *text, uint16_t port)
{
	struct addr a = { 0 };
	if (*text != '\0')
		cr_assert(addr_parse_ip(slice_of_string(text), &a), "%s", text);
	a.port = port;
	return a;
}

static struct slice written(unsigned version, const char *source, const char *dest)
{
	static char out[PROXY_HEADER_WRITE_BYTES];
	struct addr from = address(source, 9), to = address(dest, 443);
	memset(out, 0xee, sizeof out);
	return slice_of(out, proxy_header_write(version, &from, &to, out));
}

Test(proxy_header, written)
{
	static const struct {
		const char *source, *dest, *line;
		struct slice binary;
	} rows[] = {
		{ "1.2.3.4", "5.6.7.8", "PROXY TCP4 1.2.3.4 5.6.7.8 9 443\r\n",
		  SLICE_INIT("\x21\x11\0\x0c\1\2\3\4\5\6\7\x08\0\x09\1\xbb") },
		{ "2001:db8::1", "fd00::2", "PROXY TCP6 2001:db8::1 fd00::2 9 443\r\n",
		  SLICE_INIT("\x21\x21\0\x24"
			     "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
			     "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2\0\x09\1\xbb") },
		{ "fe80::1%1", "5.6.7.8", "PROXY TCP6 fe80::1 ::ffff:506:708 9 443\r\n",
		  SLICE_INIT("\x21\x21\0\x24"
			     "\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1"
			     "\0\0\0\0\0\0\0\0\0\0\xff\xff\5\6\7\x08\0\x09\1\xbb") },
		{ "1.2.3.4", "::5.6.7.8", "PROXY TCP6 ::ffff:102:304 ::506:708 9 443\r\n",
		  SLICE_INIT("\x21\x21\0\x24"
			     "\0\0\0\0\0\0\0\0\0\0\xff\xff\1\2\3\4"
			     "\0\0\0\0\0\0\0\0\0\0\0\0\5\6\7\x08\0\x09\1\xbb") },
		{ "1.2.3.4", "", "PROXY UNKNOWN\r\n", SLICE_INIT("\x21\0\0\0") },
		{ "", "1.2.3.4", "PROXY UNKNOWN\r\n", SLICE_INIT("\x21\0\0\0") },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct slice line = written(1, rows[i].source, rows[i].dest);
		cr_expect(slice_is_equal(line, slice_of_string(rows[i].line)), "%.*s",
			  SLICE_PRINT(line));
		taken(line);
		struct slice binary = written(2, rows[i].source, rows[i].dest);
		cr_expect(slice_is_equal(slice_of(binary.at, 12), slice_of(SIGNATURE, 12)));
		cr_expect(slice_is_equal(slice_skip(binary, 12), rows[i].binary), "row %zu", i);
		taken(binary);
	}
}

/* ---- datagrams -------------------------------------------------------------------------------------- */

static bool parse_datagram(struct slice text, struct proxy_header *h, size_t *used,
			   enum proxy_fault *why)
{
	memset(h, 0xee, sizeof *h);
	*used = 999999;
	return proxy_header_parse_datagram(at_edge(text), h, used, why);
}

/* Each has one of version 2, whole. */
Test(proxy_header, of_datagrams)
{
	static const char *const sources[] = { "1.2.3.4", "2001:db8::1" };
	for (size_t i = 0; i < COUNT(sources); i++) {
		char out[PROXY_HEADER_WRITE_BYTES];
		struct addr from = address(sources[i], 9), to = address("5.6.7.8", 443);
		size_t len = proxy_header_write_datagram(&from, &to, out), used;
		struct proxy_header h;
		enum proxy_fault why;
		cr_expect_eq(out[13], i == 0 ? 0x12 : 0x22);
		for (size_t part = 1; part < len; part++) {
			cr_expect(!parse_datagram(slice_of(out, part), &h, &used, &why));
			cr_expect_eq(why, PROXY_FAULT_CUT, "%zu", part);
		}
		cr_expect(parse_datagram(slice_of(out, len), &h, &used, &why));
		cr_expect_eq(used, len);
		cr_expect(addr_is_equal(&h.source, &from));
		cr_expect_eq(h.dest.port, 443);
	}
}

Test(proxy_header, none_of_datagrams)
{
	static const struct {
		struct slice text;
		enum proxy_fault why;
	} rows[] = {
		{ SLICE_INIT(""), PROXY_FAULT_MISSING },
		{ SLICE_INIT("hello"), PROXY_FAULT_MISSING },
		{ SLICE_INIT("PROXY TCP4 1.2.3.4 5.6.7.8 9 443\r\n"), PROXY_FAULT_MISSING },
		{ SLICE_INIT("PROXY UNKNOWN\r\n"), PROXY_FAULT_MISSING },
		{ SLICE_INIT(SIGNATURE "\x22\x12\0\0"), PROXY_FAULT_MALFORMED },
		{ SLICE_INIT(SIGNATURE "\x21\x12\xff\xff"), PROXY_FAULT_LONG },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct proxy_header h;
		enum proxy_fault why;
		size_t used;
		cr_expect(!parse_datagram(rows[i].text, &h, &used, &why), "row %zu", i);
		cr_expect_eq(why, rows[i].why, "row %zu", i);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "net/proxy_header.h"

#include "base/check.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* Section numbers are those of haproxy's proxy-protocol.txt. */

#define LINE_SIGNATURE SLICE("PROXY")
#define BINARY_SIGNATURE SLICE("\r\n\r\n\0\r\nQUIT\n")
#define VERSION_AT 12 /* of the binary header: version and command, family and transport, length */
#define FAMILY_AT 13
#define LENGTH_AT 14
#define BLOCK_AT 16
#define TLV_HEAD_BYTES 3

enum command { COMMAND_LOCAL, COMMAND_PROXY, COMMAND_COUNT };
enum transport { TRANSPORT_UNSPECIFIED, TRANSPORT_STREAM, TRANSPORT_DATAGRAM, TRANSPORT_COUNT };
enum family { FAMILY_UNSPECIFIED, FAMILY_IPV4, FAMILY_IPV6, FAMILY_UNIX, FAMILY_COUNT };

enum tlv_type { TLV_CHECKSUM = 3, TLV_UNIQUE_ID = 5 };
#define CHECKSUM_BYTES 4
#define UNIQUE_ID_MOST 128

static enum proxy_parse bad(enum proxy_fault *why, enum proxy_fault fault)
{
	*why = fault;
	return PROXY_BAD;
}

/* As far as both go. */
static bool begins_alike(struct slice text, struct slice signature)
{
	size_t len = text.len < signature.len ? text.len : signature.len;
	return len == 0 || memcmp(text.at, signature.at, len) == 0;
}

/* ---- version 1 (2.1) ------------------------------------------------------------------------------- */

/* The next word, behind exactly one blank. */
static bool take_word(struct slice *rest, struct slice *word)
{
	if (rest->len == 0 || rest->at[0] != ' ')
		return false;
	*rest = slice_skip(*rest, 1);
	*word = slice_of(rest->at, slice_find(*rest, ' '));
	*rest = slice_skip(*rest, word->len);
	return word->len > 0;
}

/*
 * Nothing but the address: addr_parse_ip takes brackets and scopes as well. The dotted end of an IPv6
 * address is not in the protocol, but it is how everybody writes IPv4-mapped ones.
 */
static bool parse_ip(struct slice word, uint8_t family, struct addr *a)
{
	for (size_t i = 0; i < word.len; i++)
		if (slice_hex_digit(word.at[i]) == -1 && word.at[i] != ':' && word.at[i] != '.')
			return false;
	return addr_parse_ip(word, a) && a->family == family;
}

static bool parse_port(struct slice word, uint16_t *port)
{
	unsigned value = 0;
	if (word.len > 5 || (word.len > 1 && word.at[0] == '0'))
		return false;
	for (size_t i = 0; i < word.len; i++) {
		if (word.at[i] < '0' || word.at[i] > '9')
			return false;
		value = value * 10 + (unsigned)(word.at[i] - '0');
	}
	*port = (uint16_t)value;
	return value <= UINT16_MAX;
}

static bool parse_addresses(struct slice rest, uint8_t family, struct proxy_header *h)
{
	struct slice source, dest, source_port, dest_port;
	return take_word(&rest, &source) && take_word(&rest, &dest) &&
	       take_word(&rest, &source_port) && take_word(&rest, &dest_port) && rest.len == 0 &&
	       parse_ip(source, family, &h->source) && parse_ip(dest, family, &h->dest) &&
	       parse_port(source_port, &h->source.port) && parse_port(dest_port, &h->dest.port);
}

/* The line without its end. */
static bool parse_words(struct slice line, struct proxy_header *h)
{
	struct slice rest = slice_skip(line, LINE_SIGNATURE.len), protocol;
	if (!take_word(&rest, &protocol))
		return false;
	if (slice_is_equal(protocol, SLICE("UNKNOWN")))
		return true; /* whatever follows is to be ignored */
	if (slice_is_equal(protocol, SLICE("TCP4")))
		return parse_addresses(rest, ADDR_IPV4, h);
	return slice_is_equal(protocol, SLICE("TCP6")) && parse_addresses(rest, ADDR_IPV6, h);
}

static enum proxy_parse parse_line(struct slice text, struct proxy_header *h, size_t *used,
				   enum proxy_fault *why)
{
	if (text.len > PROXY_HEADER_LINE_MOST)
		text.len = PROXY_HEADER_LINE_MOST;
	size_t end = slice_find(text, '\n');
	if (end == text.len)
		return end < PROXY_HEADER_LINE_MOST ? PROXY_MORE : bad(why, PROXY_FAULT_LONG);
	if (end <= LINE_SIGNATURE.len || text.at[end - 1] != '\r')
		return bad(why, PROXY_FAULT_MALFORMED);
	struct proxy_header parsed = { .tlvs = SLICE("") };
	if (!parse_words(slice_of(text.at, end - 1), &parsed))
		return bad(why, PROXY_FAULT_MALFORMED);
	*h = parsed;
	*used = end + 1;
	return PROXY_DONE;
}

/* ---- version 2 (2.2) ------------------------------------------------------------------------------- */

static unsigned byte_at(struct slice s, size_t at)
{
	return (uint8_t)s.at[at];
}

static unsigned number_at(struct slice s, size_t at)
{
	return byte_at(s, at) << 8 | byte_at(s, at + 1);
}

/* CRC32c of RFC 4960, appendix B, without a table: headers are short and few. Begins with all ones. */
static uint32_t add_to_checksum(uint32_t sum, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		sum ^= (uint8_t)bytes[i];
		for (int bit = 0; bit < 8; bit++)
			sum = sum >> 1 ^ (0x82f63b78u & (0u - (sum & 1)));
	}
	return sum;
}

/* `value` is where the checksum stands in the header, which counts as zeros there. */
static bool is_checksum_right(struct slice header, struct slice value)
{
	static const char zeros[CHECKSUM_BYTES];
	size_t before = (size_t)(value.at - header.at), behind = before + CHECKSUM_BYTES;
	uint32_t sum = add_to_checksum(UINT32_MAX, header.at, before);
	sum = add_to_checksum(sum, zeros, CHECKSUM_BYTES);
	sum = ~add_to_checksum(sum, header.at + behind, header.len - behind);
	return sum == ((uint32_t)number_at(value, 0) << 16 | number_at(value, 2));
}

/* The TLV at the beginning of *rest, which moves behind it; false when it is not whole. */
static bool take_tlv(struct slice *rest, unsigned *type, struct slice *value)
{
	if (rest->len < TLV_HEAD_BYTES)
		return false;
	size_t len = number_at(*rest, 1);
	*type = byte_at(*rest, 0);
	*rest = slice_skip(*rest, TLV_HEAD_BYTES);
	if (rest->len < len)
		return false;
	*value = slice_of(rest->at, len);
	*rest = slice_skip(*rest, len);
	return true;
}

static enum proxy_fault check_tlvs(struct slice header, struct slice tlvs)
{
	struct slice checksum = SLICE_ABSENT, value;
	unsigned type;
	while (tlvs.len > 0) {
		if (!take_tlv(&tlvs, &type, &value))
			return PROXY_FAULT_MALFORMED;
		if (type == TLV_UNIQUE_ID && value.len > UNIQUE_ID_MOST)
			return PROXY_FAULT_MALFORMED;
		if (type != TLV_CHECKSUM)
			continue;
		/* of two, each would have to be zero for the other */
		if (value.len != CHECKSUM_BYTES || !slice_is_absent(checksum))
			return PROXY_FAULT_MALFORMED;
		checksum = value;
	}
	if (!slice_is_absent(checksum) && !is_checksum_right(header, checksum))
		return PROXY_FAULT_CHECKSUM;
	return PROXY_FAULT_NONE;
}

/* Source and destination, then the port of each. */
static void take_addresses(struct slice block, size_t ip_bytes, struct proxy_header *h)
{
	struct addr *both[] = { &h->source, &h->dest };
	for (size_t i = 0; i < 2; i++) {
		memcpy(both[i]->ip, block.at + i * ip_bytes, ip_bytes);
		both[i]->family = ip_bytes == 4 ? ADDR_IPV4 : ADDR_IPV6;
		both[i]->port = (uint16_t)number_at(block, 2 * ip_bytes + i * 2);
	}
}

/* The header is whole, its command is PROXY. */
static enum proxy_fault parse_block(struct slice header, struct proxy_header *h)
{
	static const size_t address_bytes[] = {
		[FAMILY_IPV4] = 12, [FAMILY_IPV6] = 36, [FAMILY_UNIX] = 216
	};
	unsigned family = byte_at(header, FAMILY_AT) >> 4;
	unsigned transport = byte_at(header, FAMILY_AT) & 15;
	struct slice block = slice_skip(header, BLOCK_AT);
	if (family >= FAMILY_COUNT || transport >= TRANSPORT_COUNT)
		return PROXY_FAULT_MALFORMED;
	/* where its addresses end nobody says */
	if (family == FAMILY_UNSPECIFIED || transport == TRANSPORT_UNSPECIFIED)
		return PROXY_FAULT_NONE;
	if (block.len < address_bytes[family])
		return PROXY_FAULT_MALFORMED;
	if (family != FAMILY_UNIX)
		take_addresses(block, family == FAMILY_IPV4 ? 4 : 16, h);
	h->tlvs = slice_skip(block, address_bytes[family]);
	return check_tlvs(header, h->tlvs);
}

static enum proxy_parse parse_binary(struct slice text, struct proxy_header *h, size_t *used,
				     enum proxy_fault *why)
{
	struct proxy_header parsed = { .tlvs = SLICE("") };
	if (text.len > VERSION_AT && byte_at(text, VERSION_AT) >> 4 != 2)
		return bad(why, PROXY_FAULT_MALFORMED);
	if (text.len < BLOCK_AT)
		return PROXY_MORE;
	unsigned command = byte_at(text, VERSION_AT) & 15;
	size_t len = BLOCK_AT + number_at(text, LENGTH_AT);
	if (command >= COMMAND_COUNT)
		return bad(why, PROXY_FAULT_MALFORMED);
	if (len > PROXY_HEADER_BINARY_MOST)
		return bad(why, PROXY_FAULT_LONG);
	if (text.len < len)
		return PROXY_MORE;
	if (command == COMMAND_PROXY) {
		enum proxy_fault fault = parse_block(slice_of(text.at, len), &parsed);
		if (fault != PROXY_FAULT_NONE)
			return bad(why, fault);
	}
	*h = parsed;
	*used = len;
	return PROXY_DONE;
}

/* ---- both ------------------------------------------------------------------------------------------ */

enum proxy_parse proxy_header_parse(struct slice text, struct proxy_header *h, size_t *used,
				    enum proxy_fault *why)
{
	if (text.len == 0)
		return PROXY_MORE;
	if (begins_alike(text, BINARY_SIGNATURE))
		return parse_binary(text, h, used, why);
	if (begins_alike(text, LINE_SIGNATURE))
		return parse_line(text, h, used, why);
	return bad(why, PROXY_FAULT_MISSING);
}

bool proxy_header_parse_datagram(struct slice text, struct proxy_header *h, size_t *used,
				 enum proxy_fault *why)
{
	if (text.len == 0 || !begins_alike(text, BINARY_SIGNATURE)) {
		*why = PROXY_FAULT_MISSING;
		return false;
	}
	switch (parse_binary(text, h, used, why)) {
	case PROXY_DONE:
		return true;
	case PROXY_MORE:
		*why = PROXY_FAULT_CUT;
		break;
	case PROXY_BAD:
		break;
	}
	return false;
}

struct slice proxy_header_find_tlv(struct slice tlvs, uint8_t type)
{
	unsigned found;
	struct slice value;
	while (tlvs.len > 0 && take_tlv(&tlvs, &found, &value))
		if (found == type)
			return value;
	return SLICE_ABSENT;
}

/* ---- writing --------------------------------------------------------------------------------------- */

/* An IPv4 address as IPv6 has it (RFC 4291 2.5.5.2); no scope, which is good for nobody else. */
static struct addr in_ipv6(const struct addr *a)
{
	struct addr mapped = *a;
	mapped.scope = 0;
	if (a->family == ADDR_IPV6)
		return mapped;
	memset(mapped.ip, 0, 10);
	memset(mapped.ip + 10, 0xff, 2);
	memcpy(mapped.ip + 12, a->ip, 4);
	mapped.family = ADDR_IPV6;
	return mapped;
}

/* Without the dotted end that inet_ntop gives to some: the protocol wants hexadecimal digits. */
static const char *format_ip(const struct addr *a, char out[ADDR_TEXT_BYTES])
{
	addr_format_ip(a, out);
	char *last = strrchr(out, ':');
	if (last != NULL && strchr(last, '.') != NULL)
		snprintf(last, ADDR_TEXT_BYTES - (size_t)(last - out), ":%x:%x",
			 (unsigned)(a->ip[12] << 8 | a->ip[13]),
			 (unsigned)(a->ip[14] << 8 | a->ip[15]));
	return out;
}

static size_t write_line(const struct addr *source, const struct addr *dest, char *out)
{
	char from[ADDR_TEXT_BYTES], to[ADDR_TEXT_BYTES], line[256];
	int len = source->family == ADDR_NONE
			  ? snprintf(line, sizeof line, "PROXY UNKNOWN\r\n")
			  : snprintf(line, sizeof line, "PROXY TCP%u %s %s %u %u\r\n",
				     source->family, format_ip(source, from), format_ip(dest, to),
				     source->port, dest->port);
	check(len > 0 && len <= PROXY_HEADER_WRITE_BYTES);
	memcpy(out, line, (size_t)len);
	return (size_t)len;
}

static size_t write_binary(const struct addr *source, const struct addr *dest,
			   enum transport transport, char *out)
{
	const struct addr *const both[] = { source, dest };
	size_t ip_bytes = source->family == ADDR_IPV4 ? 4 : source->family == ADDR_IPV6 ? 16 : 0;
	enum family family = source->family == ADDR_IPV4   ? FAMILY_IPV4
			     : source->family == ADDR_IPV6 ? FAMILY_IPV6
							   : FAMILY_UNSPECIFIED;
	size_t block_bytes = ip_bytes == 0 ? 0 : 2 * (ip_bytes + 2);
	memcpy(out, BINARY_SIGNATURE.at, BINARY_SIGNATURE.len);
	out[VERSION_AT] = 2 << 4 | COMMAND_PROXY;
	out[FAMILY_AT] = (char)(ip_bytes == 0 ? 0 : family << 4 | transport);
	out[LENGTH_AT] = 0;
	out[LENGTH_AT + 1] = (char)block_bytes;
	for (size_t i = 0; i < 2 && ip_bytes > 0; i++) {
		char *port = out + BLOCK_AT + 2 * ip_bytes + i * 2;
		memcpy(out + BLOCK_AT + i * ip_bytes, both[i]->ip, ip_bytes);
		port[0] = (char)(both[i]->port >> 8);
		port[1] = (char)both[i]->port;
	}
	return BLOCK_AT + block_bytes;
}

/* Both as one family has them; none where one of them is none. */
static void make_alike(const struct addr *source, const struct addr *dest, struct addr *from,
		       struct addr *to)
{
	*from = *to = (struct addr){ 0 };
	if (source->family == ADDR_IPV4 && dest->family == ADDR_IPV4) {
		*from = *source;
		*to = *dest;
	} else if (source->family != ADDR_NONE && dest->family != ADDR_NONE) {
		*from = in_ipv6(source);
		*to = in_ipv6(dest);
	}
}

size_t proxy_header_write(unsigned version, const struct addr *source, const struct addr *dest,
			  char out[PROXY_HEADER_WRITE_BYTES])
{
	struct addr from, to;
	check(version == 1 || version == 2);
	make_alike(source, dest, &from, &to);
	return version == 1 ? write_line(&from, &to, out)
			    : write_binary(&from, &to, TRANSPORT_STREAM, out);
}

size_t proxy_header_write_datagram(const struct addr *source, const struct addr *dest,
				   char out[PROXY_HEADER_WRITE_BYTES])
{
	struct addr from, to;
	make_alike(source, dest, &from, &to);
	return write_binary(&from, &to, TRANSPORT_DATAGRAM, out);
}

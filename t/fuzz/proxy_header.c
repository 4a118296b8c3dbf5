/*
 * PROXY headers: what haproxy's proxy-protocol.txt says of them is read a second time here, simply and
 * in another way, and both must agree: on what is a header, where it ends, and what it says. However
 * it is cut, nothing changes; what is written from it reads the same.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "net/proxy_header.h"

#include <arpa/inet.h>
#include <string.h>

/* What the model found. */
struct model {
	enum proxy_parse result;
	size_t used;
	char source[64], dest[64]; /* "" when it names none */
	unsigned source_port, dest_port;
	size_t tlv_bytes;
};

/* ---- version 1: a line is good when it is what would be written of what it says ------------------- */

static bool is_ipv6(const char *text)
{
	struct in6_addr ip;
	return strspn(text, "0123456789abcdefABCDEF:.") == strlen(text) &&
	       inet_pton(AF_INET6, text, &ip) == 1;
}

static bool is_ipv4(const char *text)
{
	unsigned part[4];
	char again[64];
	if (sscanf(text, "%3u.%3u.%3u.%3u", &part[0], &part[1], &part[2], &part[3]) != 4)
		return false;
	snprintf(again, sizeof again, "%u.%u.%u.%u", part[0], part[1], part[2], part[3]);
	return strcmp(again, text) == 0 && part[0] < 256 && part[1] < 256 && part[2] < 256 &&
	       part[3] < 256;
}

static bool read_line(const char *line, struct model *m)
{
	char again[256], family;
	if (strcmp(line, "PROXY UNKNOWN") == 0 || strncmp(line, "PROXY UNKNOWN ", 14) == 0)
		return true;
	if (sscanf(line, "PROXY TCP%c %50s %50s %5u %5u", &family, m->source, m->dest,
		   &m->source_port, &m->dest_port) != 5)
		return false;
	snprintf(again, sizeof again, "PROXY TCP%c %s %s %u %u", family, m->source, m->dest,
		 m->source_port, m->dest_port);
	if (strcmp(again, line) != 0 || m->source_port > 65535 || m->dest_port > 65535)
		return false;
	return family == '6' ? is_ipv6(m->source) && is_ipv6(m->dest)
			     : family == '4' && is_ipv4(m->source) && is_ipv4(m->dest);
}

static void read_text(const char *bytes, size_t len, struct model *m)
{
	char line[120] = "";
	size_t most = len < 107 ? len : 107, end = 0;
	while (end < most && bytes[end] != '\n')
		end++;
	m->result = PROXY_BAD;
	if (end == most) {
		m->result = len < 107 ? PROXY_MORE : PROXY_BAD;
		return;
	}
	if (end == 0 || bytes[end - 1] != '\r')
		return;
	memcpy(line, bytes, end - 1);
	/* what stands behind UNKNOWN may be anything, a NUL as well */
	bool is_text = strlen(line) == end - 1 || strncmp(line, "PROXY UNKNOWN ", 14) == 0;
	if (!is_text || !read_line(line, m)) {
		m->source[0] = m->dest[0] = '\0';
		return;
	}
	m->result = PROXY_DONE;
	m->used = end + 1;
}

/* ---- version 2 -------------------------------------------------------------------------------------- */

/* By the remainder of a division, most significant bit last. */
static uint32_t crc32c(const uint8_t *bytes, size_t len)
{
	static uint32_t table[256];
	uint32_t sum = 0xffffffff;
	for (uint32_t i = 0; i < 256 && table[255] == 0; i++) {
		uint32_t value = i;
		for (int bit = 0; bit < 8; bit++)
			value = value & 1 ? value >> 1 ^ 0x82f63b78 : value >> 1;
		table[i] = value;
	}
	for (size_t i = 0; i < len; i++)
		sum = sum >> 8 ^ table[(sum ^ bytes[i]) & 0xff];
	return ~sum;
}

static bool read_tlvs(uint8_t *header, size_t at, size_t end)
{
	size_t sum_at = 0;
	while (at != end) {
		if (end - at < 3 || end - at - 3 < (size_t)(header[at + 1] * 256 + header[at + 2]))
			return false;
		size_t len = (size_t)(header[at + 1] * 256 + header[at + 2]);
		if (header[at] == 5 && len > 128)
			return false;
		if (header[at] == 3 && (len != 4 || sum_at != 0))
			return false;
		if (header[at] == 3)
			sum_at = at + 3;
		at += 3 + len;
	}
	if (sum_at == 0)
		return true;
	uint32_t said = (uint32_t)header[sum_at] << 24 | (uint32_t)header[sum_at + 1] << 16 |
			(uint32_t)header[sum_at + 2] << 8 | header[sum_at + 3];
	memset(header + sum_at, 0, 4);
	return crc32c(header, end) == said;
}

static bool read_block(uint8_t *header, size_t end, struct model *m)
{
	uint8_t what = header[13];
	if ((what & 0xf0) > 0x30 || (what & 0x0f) > 2)
		return false;
	if ((what & 0xf0) == 0 || (what & 0x0f) == 0)
		return true;
	size_t behind = (what & 0xf0) == 0x10 ? 28 : (what & 0xf0) == 0x20 ? 52 : 232;
	if (end < behind)
		return false;
	if (behind == 28) {
		inet_ntop(AF_INET, header + 16, m->source, sizeof m->source);
		inet_ntop(AF_INET, header + 20, m->dest, sizeof m->dest);
	} else if (behind == 52) {
		inet_ntop(AF_INET6, header + 16, m->source, sizeof m->source);
		inet_ntop(AF_INET6, header + 32, m->dest, sizeof m->dest);
	}
	if (behind != 232) {
		m->source_port = (unsigned)header[behind - 4] * 256 + header[behind - 3];
		m->dest_port = (unsigned)header[behind - 2] * 256 + header[behind - 1];
	}
	m->tlv_bytes = end - behind;
	return read_tlvs(header, behind, end);
}

static void read_binary(const char *bytes, size_t len, struct model *m)
{
	static uint8_t header[4096];
	m->result = PROXY_BAD;
	if (len > 12 && (bytes[12] & 0xf0) != 0x20)
		return;
	m->result = PROXY_MORE;
	if (len < 16)
		return;
	size_t end = 16 + (size_t)(uint8_t)bytes[14] * 256 + (uint8_t)bytes[15];
	m->result = PROXY_BAD;
	if ((bytes[12] & 0x0f) > 1 || end > 4096)
		return;
	m->result = PROXY_MORE;
	if (len < end)
		return;
	memcpy(header, bytes, end);
	m->used = end;
	m->result = PROXY_DONE;
	if ((bytes[12] & 0x0f) == 1 && !read_block(header, end, m))
		m->result = PROXY_BAD;
}

/* ---- both ------------------------------------------------------------------------------------------- */

static struct model read_again(const char *bytes, size_t len)
{
	static const char line[] = "PROXY", binary[] = "\r\n\r\n\0\r\nQUIT\n";
	struct model m = { .result = PROXY_BAD };
	if (memcmp(bytes, line, len < 5 ? len : 5) == 0 && len > 0)
		read_text(bytes, len, &m);
	else if (memcmp(bytes, binary, len < 12 ? len : 12) == 0 && len > 0)
		read_binary(bytes, len, &m);
	else if (len == 0)
		m.result = PROXY_MORE;
	return m;
}

static void expect_ip(const char *text, unsigned port, const struct addr *a)
{
	struct addr expected;
	if (*text == '\0') {
		fuzz_expect(a->family == ADDR_NONE);
		return;
	}
	fuzz_expect(addr_parse_ip(slice_of_string(text), &expected));
	fuzz_expect(addr_is_same_ip(&expected, a) && a->port == port);
}

static void write_again(const struct proxy_header *h)
{
	char out[PROXY_HEADER_WRITE_BYTES];
	struct proxy_header again;
	enum proxy_fault why;
	size_t used;
	for (unsigned version = 1; version <= 2; version++) {
		size_t len = proxy_header_write(version, &h->source, &h->dest, out);
		fuzz_expect(proxy_header_parse(slice_of(out, len), &again, &used, &why) ==
			    PROXY_DONE);
		fuzz_expect(used == len);
		fuzz_expect(addr_is_equal(&h->source, &again.source) &&
			    addr_is_equal(&h->dest, &again.dest));
	}
}

static enum proxy_parse parse(struct slice text, struct proxy_header *h, size_t *used)
{
	struct slice copy = fuzz_copy((const uint8_t *)text.at, text.len);
	enum proxy_fault why = PROXY_FAULT_NONE;
	enum proxy_parse result = proxy_header_parse(copy, h, used, &why);
	fuzz_expect((result == PROXY_BAD) == (why != PROXY_FAULT_NONE));
	if (result == PROXY_DONE) {
		fuzz_expect(h->tlvs.len == 0 ||
			    (h->tlvs.at >= copy.at && h->tlvs.at + h->tlvs.len == copy.at + *used));
		for (unsigned type = 0; type < 256; type++) {
			struct slice value = proxy_header_find_tlv(h->tlvs, (uint8_t)type);
			fuzz_expect(value.len <= h->tlvs.len);
		}
		h->tlvs.at = NULL;
	}
	free((char *)(uintptr_t)copy.at);
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct slice text = slice_of((const char *)bytes, len);
	struct proxy_header whole = { 0 }, part = { 0 };
	size_t used = 0, part_used = 0;
	if (len == 0)
		return 0;
	enum proxy_parse result = parse(text, &whole, &used);
	struct model m = read_again(text.at, text.len);
	fuzz_expect(m.result == result);
	if (result == PROXY_DONE) {
		fuzz_expect(m.used == used && m.tlv_bytes == whole.tlvs.len);
		expect_ip(m.source, m.source_port, &whole.source);
		expect_ip(m.dest, m.dest_port, &whole.dest);
		write_again(&whole);
	}
	/* cut anywhere: more is wanted, or what is found already is what is found in the end */
	size_t cut = (size_t)bytes[len - 1] % len;
	enum proxy_parse early = parse(slice_of(text.at, cut), &part, &part_used);
	fuzz_expect(early == PROXY_MORE || early == result);
	fuzz_expect(early != PROXY_DONE || part_used == used);
	fuzz_expect(result != PROXY_DONE || (early == PROXY_MORE) == (cut < used));
	return 0;
}

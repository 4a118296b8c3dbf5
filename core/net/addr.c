/* SPDX-License-Identifier: Apache-2.0 */
#include "net/addr.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool parse_number(struct slice text, unsigned long most, unsigned long *value)
{
	if (text.len == 0 || text.len > 10)
		return false;
	*value = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return false;
		*value = *value * 10 + (unsigned long)(text.at[i] - '0');
	}
	return *value <= most;
}

static bool parse_scope(struct slice text, struct addr *a)
{
	char name[IF_NAMESIZE];
	unsigned long number;
	if (parse_number(text, UINT32_MAX, &number)) {
		a->scope = (uint32_t)number;
		return true;
	}
	if (text.len == 0 || text.len >= sizeof name)
		return false;
	memcpy(name, text.at, text.len);
	name[text.len] = '\0';
	a->scope = if_nametoindex(name);
	return a->scope != 0;
}

bool addr_parse_ip(struct slice text, struct addr *a)
{
	char copy[INET6_ADDRSTRLEN];
	*a = (struct addr){ 0 };
	if (text.len >= 2 && text.at[0] == '[' && text.at[text.len - 1] == ']') {
		text = slice_of(text.at + 1, text.len - 2);
		if (slice_find(text, ':') == text.len)
			return false;
	}
	size_t percent = slice_find(text, '%');
	if (percent < text.len && !parse_scope(slice_skip(text, percent + 1), a))
		return false;
	if (percent == 0 || percent >= sizeof copy || memchr(text.at, '\0', percent) != NULL)
		return false;
	memcpy(copy, text.at, percent);
	copy[percent] = '\0';
	if (inet_pton(AF_INET, copy, a->ip) == 1)
		a->family = ADDR_IPV4;
	else if (inet_pton(AF_INET6, copy, a->ip) == 1)
		a->family = ADDR_IPV6;
	return a->family != ADDR_NONE && (a->family == ADDR_IPV6 || percent == text.len);
}

bool addr_parse(struct slice text, struct addr *a)
{
	size_t colon = text.len;
	while (colon > 0 && text.at[colon - 1] != ':')
		colon--;
	if (colon < 2)
		return false;
	unsigned long port;
	struct slice host = slice_of(text.at, colon - 1);
	bool has_brackets = host.at[0] == '[';
	if (!parse_number(slice_skip(text, colon), 65535, &port) || port == 0 ||
	    !addr_parse_ip(host, a))
		return false;
	a->port = (uint16_t)port;
	return has_brackets == (a->family == ADDR_IPV6);
}

static char *put_decimal(char *at, unsigned value)
{
	if (value >= 100)
		*at++ = (char)('0' + value / 100);
	if (value >= 10) {
		*at++ = (char)('0' + value / 10 % 10);
		value %= 10;
	}
	*at++ = (char)('0' + value);
	return at;
}

/* Every transaction tells its node the client's address: inet_ntop would be a tenth of its cost. */
static const char *format_ipv4(const uint8_t ip[4], char *out)
{
	char *at = out;
	for (int i = 0; i < 4; i++) {
		if (i > 0)
			*at++ = '.';
		at = put_decimal(at, ip[i]);
	}
	*at = '\0';
	return out;
}

const char *addr_format_ip(const struct addr *a, char out[ADDR_TEXT_BYTES])
{
	out[0] = '\0';
	if (a->family == ADDR_NONE)
		return out;
	if (a->family == ADDR_IPV4)
		return format_ipv4(a->ip, out);
	inet_ntop(AF_INET6, a->ip, out, ADDR_TEXT_BYTES);
	size_t len = strlen(out);
	if (a->scope != 0)
		snprintf(out + len, ADDR_TEXT_BYTES - len, "%%%u", a->scope);
	return out;
}

const char *addr_format(const struct addr *a, char out[ADDR_TEXT_BYTES])
{
	char ip[ADDR_TEXT_BYTES];
	out[0] = '\0';
	if (a->family != ADDR_NONE)
		snprintf(out, ADDR_TEXT_BYTES, a->family == ADDR_IPV6 ? "[%.60s]:%u" : "%.60s:%u",
			 addr_format_ip(a, ip), a->port);
	return out;
}

bool addr_is_same_ip(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && a->scope == b->scope &&
	       memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

bool addr_is_equal(const struct addr *a, const struct addr *b)
{
	return a->port == b->port && addr_is_same_ip(a, b);
}

struct addr addr_network(const struct addr *a, unsigned prefix_bits)
{
	struct addr first = *a;
	unsigned bytes = first.family == ADDR_IPV4 ? 4 : 16;
	for (unsigned bit = prefix_bits; bit < bytes * 8; bit++)
		first.ip[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	return first;
}

struct addr addr_with_port(const struct addr *a, uint16_t port)
{
	struct addr changed = *a;
	changed.port = port;
	return changed;
}

struct addr addr_without_port(const struct addr *a)
{
	return addr_with_port(a, 0);
}

static bool is_mapped(const struct addr *a)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };
	return a->family == ADDR_IPV6 && memcmp(a->ip, prefix, sizeof prefix) == 0;
}

struct addr addr_unmap(const struct addr *a)
{
	if (!is_mapped(a))
		return *a;
	struct addr plain = { .family = ADDR_IPV4, .port = a->port };
	memcpy(plain.ip, a->ip + 12, 4);
	return plain;
}

socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof *out);
	if (a->family == ADDR_IPV4) {
		struct sockaddr_in *in = (struct sockaddr_in *)out;
		in->sin_family = AF_INET;
		in->sin_port = htons(a->port);
		memcpy(&in->sin_addr, a->ip, 4);
		return sizeof *in;
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(a->port);
	in6->sin6_scope_id = a->scope;
	memcpy(&in6->sin6_addr, a->ip, 16);
	return sizeof *in6;
}

struct addr addr_from_sockaddr(const struct sockaddr_storage *in)
{
	struct addr a = { 0 };
	if (in->ss_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)in;
		a.family = ADDR_IPV4;
		a.port = ntohs(v4->sin_port);
		memcpy(a.ip, &v4->sin_addr, 4);
	} else if (in->ss_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)in;
		a.family = ADDR_IPV6;
		a.port = ntohs(v6->sin6_port);
		a.scope = v6->sin6_scope_id;
		memcpy(a.ip, &v6->sin6_addr, 16);
	}
	return a;
}

bool addr_is_within(const struct addr *a, const struct addr *base, unsigned prefix_bits)
{
	if (a->family != base->family)
		return false;
	unsigned whole = prefix_bits / 8, rest = prefix_bits % 8;
	if (memcmp(a->ip, base->ip, whole) != 0)
		return false;
	return rest == 0 || ((a->ip[whole] ^ base->ip[whole]) >> (8 - rest)) == 0;
}

bool addr_parse_network(struct slice text, struct addr *base, unsigned *prefix_bits)
{
	size_t slash = slice_find(text, '/');
	if (!addr_parse_ip(slice_of(text.at, slash), base))
		return false;
	unsigned most = base->family == ADDR_IPV4 ? 32 : 128;
	unsigned long bits = most;
	if (slash < text.len && !parse_number(slice_skip(text, slash + 1), most, &bits))
		return false;
	*prefix_bits = (unsigned)bits;
	return true;
}

enum addr_kind addr_kind(const struct addr *a)
{
	static const uint8_t zero[16], loopback6[16] = { [15] = 1 },
				       ones[4] = { 255, 255, 255, 255 };
	if (is_mapped(a))
		return ADDR_MAPPED;
	if (memcmp(a->ip, zero, 16) == 0 || (a->family == ADDR_IPV4 && a->ip[0] == 0))
		return ADDR_UNSPECIFIED;
	if (a->family == ADDR_IPV4) {
		if (memcmp(a->ip, ones, 4) == 0)
			return ADDR_BROADCAST;
		return a->ip[0] == 127             ? ADDR_LOOPBACK
		       : (a->ip[0] & 0xf0) == 0xe0 ? ADDR_MULTICAST
						   : ADDR_UNICAST;
	}
	if (memcmp(a->ip, loopback6, 16) == 0)
		return ADDR_LOOPBACK;
	return a->ip[0] == 0xff ? ADDR_MULTICAST : ADDR_UNICAST;
}

bool addr_is_link_local(const struct addr *a)
{
	if (a->family == ADDR_IPV4)
		return a->ip[0] == 169 && a->ip[1] == 254;
	return a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80;
}

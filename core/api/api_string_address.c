/* string.*: IP addresses, address blocks and host:port as text. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_private.h"

/* An address without brackets: what stands for an address alone. */
static bool parse_plain_ip(struct slice text, struct addr *a)
{
	return slice_find(text, '[') == text.len && addr_parse_ip(text, a);
}

/* ---- address blocks ------------------------------------------------------------------------------- */

/* How many leading bits a netmask has; false when they are not all in front. */
static bool mask_bits(const struct addr *mask, unsigned *bits)
{
	unsigned size = mask->family == ADDR_IPV4 ? 32 : 128;
	*bits = 0;
	while (*bits < size && (mask->ip[*bits / 8] & 0x80u >> *bits % 8) != 0)
		++*bits;
	for (unsigned i = *bits; i < size; i++)
		if ((mask->ip[i / 8] & 0x80u >> i % 8) != 0)
			return false;
	return true;
}

/* "10.0.0.0/255.255.0.0" */
static bool parse_masked(struct slice text, struct addr *base, unsigned *bits)
{
	size_t slash = slice_find(text, '/');
	struct addr mask;
	return slash < text.len && parse_plain_ip(slice_of(text.at, slash), base) &&
	       parse_plain_ip(slice_skip(text, slash + 1), &mask) && mask.family == base->family &&
	       mask_bits(&mask, bits);
}

/* "10.0.1." */
static bool parse_prefix(struct slice text, struct addr *base, unsigned *bits)
{
	static const char *const rest[] = { NULL, "0.0.0", "0.0", "0" };
	char whole[24];
	size_t dots = 0;
	for (size_t i = 0; i < text.len; i++)
		dots += text.at[i] == '.';
	if (dots < 1 || dots > 3 || text.len > 12 || text.at[text.len - 1] != '.')
		return false;
	memcpy(whole, text.at, text.len);
	memcpy(whole + text.len, rest[dots], strlen(rest[dots]));
	*bits = (unsigned)dots * 8;
	return parse_plain_ip(slice_of(whole, text.len + strlen(rest[dots])), base);
}

static enum rule_answer ipmaskmatch(struct rule_call *call)
{
	struct slice text = rule_argument_string(call, 1), block = rule_argument_string(call, 2);
	struct addr ip, plain, base;
	unsigned bits;
	if (!addr_parse_network(block, &base, &bits) && !parse_masked(block, &base, &bits) &&
	    !parse_prefix(block, &base, &bits))
		rule_argument_error(call, 2,
				    "expected a block such as '10.0.0.0/8', "
				    "'10.0.0.0/255.0.0.0', '10.' or one address, got '%.*s'",
				    block.len < 100 ? (int)block.len : 100, block.at);
	if (!addr_parse_ip(text, &ip)) {
		rule_push_boolean(call, false);
		return RULE_RETURN;
	}
	plain = addr_unmap(&ip); /* no client hides from an IPv4 block by writing ::ffff:10.0.0.1 */
	rule_push_boolean(call,
			  addr_is_within(&ip, &base, bits) || addr_is_within(&plain, &base, bits));
	return RULE_RETURN;
}

/* ---- one address ------------------------------------------------------------------------------------ */

static enum rule_answer valid_ip_address(struct rule_call *call)
{
	struct addr a;
	if (parse_plain_ip(rule_argument_string(call, 1), &a))
		rule_push_integer(call, a.family == ADDR_IPV4 ? 4 : 6);
	else
		rule_push_nil(call);
	return RULE_RETURN;
}

static enum rule_answer normalize_ip_address(struct rule_call *call)
{
	struct addr a;
	if (!parse_plain_ip(rule_argument_string(call, 1), &a))
		return api_fail(call, "not an IP address");
	api_push_ip(call, &a);
	return RULE_RETURN;
}

static enum rule_answer dotted_to_bytes(struct rule_call *call)
{
	struct addr a;
	if (!parse_plain_ip(rule_argument_string(call, 1), &a))
		return api_fail(call, "not an IP address");
	rule_push_string(call, slice_of((const char *)a.ip, a.family == ADDR_IPV4 ? 4 : 16));
	return RULE_RETURN;
}

static enum rule_answer bytes_to_dotted(struct rule_call *call)
{
	struct slice bytes = rule_argument_string(call, 1);
	struct addr a = { .family = bytes.len == 4 ? ADDR_IPV4 : ADDR_IPV6 };
	if (bytes.len != 4 && bytes.len != 16)
		return api_fail(call, "not 4 or 16 bytes");
	memcpy(a.ip, bytes.at, bytes.len);
	api_push_ip(call, &a);
	return RULE_RETURN;
}

/* ---- host:port ------------------------------------------------------------------------------------------ */

/* Takes "host", "host:port", "[v6]", "[v6]:port" or a bare IPv6 address apart; absent: not there. */
static void take_apart(struct slice text, struct slice *host, struct slice *port)
{
	struct addr a;
	size_t colon = slice_find(text, ':');
	*host = text;
	*port = SLICE_ABSENT;
	if (text.len > 0 && text.at[0] == '[') {
		size_t end = slice_find(text, ']');
		*host = end < text.len ? slice_of(text.at + 1, end - 1) : SLICE_ABSENT;
		if (end + 1 < text.len && text.at[end + 1] == ':')
			*port = slice_skip(text, end + 2);
		else if (end + 1 < text.len)
			*host = SLICE_ABSENT;
	} else if (colon < text.len && !addr_parse_ip(text, &a)) {
		*host = slice_of(text.at, colon);
		*port = slice_skip(text, colon + 1);
		if (slice_find(*port, ':') < port->len)
			*host = *port = SLICE_ABSENT;
	}
	if (host->len == 0)
		*host = SLICE_ABSENT;
}

static enum rule_answer extract_host(struct rule_call *call)
{
	struct slice host, port;
	take_apart(api_text(call, 1), &host, &port);
	rule_push_string(call, host);
	return RULE_RETURN;
}

static enum rule_answer extract_port(struct rule_call *call)
{
	struct slice host, port;
	unsigned number = 0;
	take_apart(api_text(call, 1), &host, &port);
	bool is_number = port.len > 0 && port.len <= 5;
	for (size_t i = 0; is_number && i < port.len; i++) {
		is_number = port.at[i] >= '0' && port.at[i] <= '9';
		number = number * 10 + (unsigned)(port.at[i] - '0');
	}
	if (is_number && number >= 1 && number <= 65535)
		rule_push_integer(call, number);
	else
		rule_push_nil(call);
	return RULE_RETURN;
}

/* clang-format off */
static const struct rule_function functions[] = {
	{ "string.ipmaskmatch", ipmaskmatch, RULE_IN_ANY, "ip: string, block: string", "boolean",
	  "Is the address in the block? The block is \"10.0.0.0/8\", \"10.0.0.0/255.0.0.0\", \"10.0.1.\", "
	  "\"fd00::/8\" or one address; anything else is an error. `false` when `ip` is no address; an "
	  "IPv4-mapped one is looked for as IPv4, too.", "string.ipmaskmatch" },
	{ "string.validIPAddress", valid_ip_address, RULE_IN_ANY, "s: string", "4|6|nil",
	  "4 or 6 when `s` is an address of that version, else nil.", "string.validIPAddress" },
	{ "string.normalizeIPAddress", normalize_ip_address, RULE_IN_ANY, "ip: string",
	  "string|nil, string|nil reason",
	  "The address in its one usual spelling (RFC 5952), so that equal addresses are equal strings; "
	  "nil and a reason when it is none.", "string.normalizeIPAddress" },
	{ "string.dottedToBytes", dotted_to_bytes, RULE_IN_ANY, "ip: string",
	  "string|nil, string|nil reason",
	  "The address as 4 or 16 bytes in network order; nil and a reason when it is none.",
	  "string.dottedToBytes" },
	{ "string.bytesToDotted", bytes_to_dotted, RULE_IN_ANY, "bytes: string",
	  "string|nil, string|nil reason",
	  "The address that 4 or 16 bytes in network order are; nil and a reason for another length.",
	  "string.bytesToDotted" },
	{ "string.extractHost", extract_host, RULE_IN_ANY, "s: string", "string|nil",
	  "The host of \"host\", \"host:port\", \"[address]\" or \"[address]:port\", without brackets; "
	  "nil when there is none.", "string.extractHost" },
	{ "string.extractPort", extract_port, RULE_IN_ANY, "s: string", "integer|nil",
	  "The port of \"host:port\" or \"[address]:port\"; nil without one from 1 to 65535.",
	  "string.extractPort" },
};
/* clang-format on */

API_FAMILY(api_string_address, functions);

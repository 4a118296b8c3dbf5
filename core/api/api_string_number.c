/* string.*: whole numbers as bytes, as BER and in hexadecimal; dates. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_private.h"

#include "http/http_date.h"

#include <stdint.h>

/* Lua's numbers are doubles: whole numbers are exact up to here. */
#define EXACT_MOST (1ll << 53)
#define WIDTH_MOST 6
#define BER_MOST 7

static enum rule_answer bytes_to_int(struct rule_call *call)
{
	struct slice s = rule_argument_string(call, 1);
	uint64_t value = 0;
	if (s.len < 1 || s.len > WIDTH_MOST)
		return api_fail(call, "not 1 to 6 bytes");
	for (size_t i = 0; i < s.len; i++)
		value = value << 8 | (unsigned char)s.at[i];
	rule_push_integer(call, (int64_t)value);
	return RULE_RETURN;
}

/* The lowest `width` bytes of a number, in network order. */
static enum rule_answer answer_bytes(struct rule_call *call, int64_t value, unsigned width)
{
	char bytes[8];
	for (unsigned i = 0; i < width; i++)
		bytes[i] = (char)((uint64_t)value >> 8 * (width - 1 - i));
	rule_push_string(call, slice_of(bytes, width));
	return RULE_RETURN;
}

static enum rule_answer int_to_bytes(struct rule_call *call)
{
	int64_t width = 4;
	if (!rule_argument_is_absent(call, 2))
		width = rule_argument_integer(call, 2, 1, WIDTH_MOST);
	int64_t value = rule_argument_integer(call, 1, 0, (1ll << 8 * width) - 1);
	return answer_bytes(call, value, (unsigned)width);
}

/* X.690 8.3: two's complement, in as few bytes as possible. */
static enum rule_answer ber_to_int(struct rule_call *call)
{
	struct slice s = rule_argument_string(call, 1);
	if (s.len < 1 || s.len > BER_MOST)
		return api_fail(call, "not 1 to 7 bytes");
	uint64_t value = (s.at[0] & 0x80) != 0 ? UINT64_MAX : 0;
	if (s.len > 1 && (unsigned char)s.at[0] == (value & 0xff) &&
	    ((s.at[1] ^ s.at[0]) & 0x80) == 0)
		return api_fail(call, "more bytes than the number needs");
	for (size_t i = 0; i < s.len; i++)
		value = value << 8 | (unsigned char)s.at[i];
	int64_t number = (int64_t)value;
	if (number > EXACT_MOST || number < -EXACT_MOST)
		return api_fail(call, "beyond 2^53");
	rule_push_integer(call, number);
	return RULE_RETURN;
}

static enum rule_answer int_to_ber(struct rule_call *call)
{
	int64_t value = rule_argument_integer(call, 1, -EXACT_MOST, EXACT_MOST);
	unsigned width = 1;
	while (value < -(1ll << (8 * width - 1)) || value >= 1ll << (8 * width - 1))
		width++;
	return answer_bytes(call, value, width);
}

static enum rule_answer hex_to_int(struct rule_call *call)
{
	struct slice s = rule_argument_string(call, 1);
	int64_t value = 0;
	if (slice_has_prefix(s, SLICE("0x")) || slice_has_prefix(s, SLICE("0X")))
		s = slice_skip(s, 2);
	if (s.len == 0)
		return api_fail(call, "no hexadecimal digit");
	for (size_t i = 0; i < s.len; i++) {
		int digit = slice_hex_digit(s.at[i]);
		if (digit < 0)
			return api_fail(call, "not a hexadecimal digit");
		value = value * 16 + digit;
		if (value > EXACT_MOST)
			return api_fail(call, "beyond 2^53");
	}
	rule_push_integer(call, value);
	return RULE_RETURN;
}

static enum rule_answer int_to_hex(struct rule_call *call)
{
	char text[20];
	int64_t value = rule_argument_integer(call, 1, 0, EXACT_MOST);
	int len = snprintf(text, sizeof text, "%llx", (unsigned long long)value);
	rule_push_string(call, slice_of(text, (size_t)len));
	return RULE_RETURN;
}

static enum rule_answer gmtime_parse(struct rule_call *call)
{
	int64_t seconds;
	if (http_date_parse(rule_argument_string(call, 1), &seconds))
		rule_push_integer(call, seconds);
	else
		rule_push_nil(call);
	return RULE_RETURN;
}

#define DECODED "integer|nil, string|nil reason"

/* clang-format off */
static const struct rule_function functions[] = {
	{ "string.bytesToInt", bytes_to_int, RULE_IN_ANY, "bytes: string", DECODED,
	  "The number that 1 to 6 bytes in network order are, without a sign; nil and a reason for "
	  "another length.", "string.bytesToInt" },
	{ "string.intToBytes", int_to_bytes, RULE_IN_ANY, "number: integer, width?: integer", "string",
	  "The number in network order in `width` bytes: 1 to 6, 4 unless given. A number that does not "
	  "fit is an error.", "string.intToBytes" },
	{ "string.BERToInt", ber_to_int, RULE_IN_ANY, "bytes: string", DECODED,
	  "The number that the contents of a BER INTEGER are (no tag, no length; X.690 8.3); nil and a "
	  "reason when they are none, or beyond 2^53.", "string.BERToInt" },
	{ "string.intToBER", int_to_ber, RULE_IN_ANY, "number: integer", "string",
	  "The contents of the BER INTEGER, without tag and length.", "string.intToBER" },
	{ "string.hexToInt", hex_to_int, RULE_IN_ANY, "digits: string", DECODED,
	  "The number that hexadecimal digits are, with or without 0x; nil and a reason for anything "
	  "else, and beyond 2^53.", "string.hexToInt" },
	{ "string.intToHex", int_to_hex, RULE_IN_ANY, "number: integer", "string",
	  "The number in hexadecimal, in lower case, without 0x.", "string.intToHex" },
	{ "string.gmtime.parse", gmtime_parse, RULE_IN_ANY, "date: string", "integer|nil",
	  "Seconds since 1970 of a date in one of the three forms of RFC 9110 5.6.7, else nil.",
	  "string.gmtime.parse" },
};
/* clang-format on */

API_FAMILY(api_string_number, functions);

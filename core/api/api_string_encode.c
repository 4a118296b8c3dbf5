/* string.*: text and bytes in the spellings of URLs, HTML, hexadecimal and base64. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_private.h"

#include "text/base64.h"

#include <stdint.h>

static const char hex_digits[] = "0123456789abcdef";

static bool is_word(unsigned char c)
{
	unsigned char letter = c | 0x20;
	return (letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9');
}

static enum rule_answer answer_scratch(struct rule_call *call, const char *block, const char *end)
{
	rule_push_string(call, slice_of(block, (size_t)(end - block)));
	return RULE_RETURN;
}

/* ---- %XX -------------------------------------------------------------------------------------------- */

/* RFC 3986 2.3 */
static bool is_unreserved(unsigned char c)
{
	return is_word(c) || (c != '\0' && strchr("-._~", c) != NULL);
}

/* RFC 3986 2.2 and 2.3 */
static bool is_uri_byte(unsigned char c)
{
	return is_unreserved(c) || (c != '\0' && strchr(":/?#[]@!$&'()*+,;=", c) != NULL);
}

static bool is_plain(unsigned char c)
{
	return c > 0x20 && c < 0x7f && c != '%';
}

static enum rule_answer percent_encode(struct rule_call *call, bool (*stays)(unsigned char c))
{
	static const char digits[] = "0123456789ABCDEF"; /* RFC 3986 2.1 prefers them */
	struct slice s = api_text(call, 1);
	size_t more = 0;
	for (size_t i = 0; i < s.len; i++)
		more += stays((unsigned char)s.at[i]) ? 0 : 2;
	char *block = api_scratch(call, s.len + more + 1), *to = block;
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];
		if (stays(c)) {
			*to++ = (char)c;
			continue;
		}
		*to++ = '%';
		*to++ = digits[c >> 4];
		*to++ = digits[c & 15];
	}
	return answer_scratch(call, block, to);
}

static enum rule_answer urlencode(struct rule_call *call)
{
	return percent_encode(call, is_unreserved);
}

static enum rule_answer urlencode_except_reserved(struct rule_call *call)
{
	return percent_encode(call, is_uri_byte);
}

static enum rule_answer escape(struct rule_call *call)
{
	return percent_encode(call, is_plain);
}

static enum rule_answer unescape(struct rule_call *call)
{
	struct slice s = api_text(call, 1);
	char *block = api_scratch(call, s.len + 1), *to = block;
	for (size_t i = 0; i < s.len; i++) {
		int high = -1, low = -1;
		if (s.at[i] == '%' && s.len - i > 2) {
			high = slice_hex_digit(s.at[i + 1]);
			low = slice_hex_digit(s.at[i + 2]);
		}
		if (high < 0 || low < 0) {
			*to++ = s.at[i];
			continue;
		}
		*to++ = (char)(high << 4 | low);
		i += 2;
	}
	return answer_scratch(call, block, to);
}

/* ---- HTML --------------------------------------------------------------------------------------------- */

/* The first name of a character is the one that is written. */
static const struct {
	struct slice name;
	char character;
} references[] = {
	{ SLICE_INIT("&amp;"), '&' },  { SLICE_INIT("&lt;"), '<' },
	{ SLICE_INIT("&gt;"), '>' },   { SLICE_INIT("&quot;"), '"' },
	{ SLICE_INIT("&#39;"), '\'' }, { SLICE_INIT("&apos;"), '\'' },
};
#define REFERENCE_COUNT (sizeof references / sizeof *references)

static struct slice html_of(const char *c)
{
	for (size_t i = 0; i < REFERENCE_COUNT; i++)
		if (references[i].character == *c)
			return references[i].name;
	return slice_of(c, 1);
}

static enum rule_answer htmlencode(struct rule_call *call)
{
	struct slice s = api_text(call, 1);
	size_t size = 1;
	for (size_t i = 0; i < s.len; i++)
		size += html_of(s.at + i).len;
	char *block = api_scratch(call, size), *to = block;
	for (size_t i = 0; i < s.len; i++) {
		struct slice text = html_of(s.at + i);
		memcpy(to, text.at, text.len);
		to += text.len;
	}
	return answer_scratch(call, block, to);
}

/* "&#39;" or "&#x27;" at the start of `s`: its length, or 0 when it names no character. */
static size_t numeric_reference(struct slice s, uint32_t *c)
{
	bool is_hex = s.len > 2 && (s.at[2] | 0x20) == 'x';
	size_t first = is_hex ? 3 : 2, at = first;
	*c = 0;
	for (; at < s.len && at < first + 8; at++) {
		int digit = slice_hex_digit(s.at[at]);
		if (digit < 0 || (!is_hex && digit > 9))
			break;
		*c = *c * (is_hex ? 16 : 10) + (uint32_t)digit;
	}
	bool is_character = *c > 0 && *c <= 0x10ffff && (*c < 0xd800 || *c > 0xdfff);
	return at > first && at < s.len && s.at[at] == ';' && is_character ? at + 1 : 0;
}

static size_t reference_at(struct slice s, uint32_t *c)
{
	for (size_t i = 0; i < REFERENCE_COUNT; i++)
		if (slice_has_prefix(s, references[i].name)) {
			*c = (uint32_t)references[i].character;
			return references[i].name.len;
		}
	return s.len > 3 && s.at[1] == '#' ? numeric_reference(s, c) : 0;
}

/* A reference is never shorter than its character. */
static enum rule_answer htmldecode(struct rule_call *call)
{
	struct slice s = api_text(call, 1);
	char *block = api_scratch(call, s.len + 1), *to = block;
	while (s.len > 0) {
		uint32_t c;
		size_t len = s.at[0] == '&' ? reference_at(s, &c) : 0;
		if (len > 0)
			to = slice_put_utf8(to, c);
		else
			*to++ = s.at[0];
		s = slice_skip(s, len > 0 ? len : 1);
	}
	return answer_scratch(call, block, to);
}

/* ---- hexadecimal, base64, patterns ---------------------------------------------------------------- */

static enum rule_answer hexencode(struct rule_call *call)
{
	struct slice s = api_text(call, 1);
	char *block = api_scratch(call, s.len * 2 + 1), *to = block;
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];
		*to++ = hex_digits[c >> 4];
		*to++ = hex_digits[c & 15];
	}
	return answer_scratch(call, block, to);
}

static enum rule_answer hexdecode(struct rule_call *call)
{
	struct slice s = api_text(call, 1);
	char *block = api_scratch(call, s.len / 2 + 1), *to = block;
	if (s.len % 2 != 0)
		return api_fail(call, "an odd number of hexadecimal digits");
	for (size_t i = 0; i < s.len; i += 2) {
		int high = slice_hex_digit(s.at[i]), low = slice_hex_digit(s.at[i + 1]);
		if (high < 0 || low < 0)
			return api_fail(call, "not a hexadecimal digit");
		*to++ = (char)(high << 4 | low);
	}
	return answer_scratch(call, block, to);
}

static enum rule_answer base64encode(struct rule_call *call)
{
	struct slice s = api_text(call, 1);
	char *block = api_scratch(call, BASE64_ENCODED_BYTES(s.len) + 1);
	return answer_scratch(call, block, base64_encode(s, block));
}

static enum rule_answer base64decode(struct rule_call *call)
{
	struct slice s = api_text(call, 1);
	char *block = api_scratch(call, BASE64_DECODED_BYTES(s.len));
	size_t len;
	const char *why = base64_decode(s, BASE64_PLAIN, block, &len);
	return why != NULL ? api_fail(call, why) : answer_scratch(call, block, block + len);
}

static enum rule_answer regexescape(struct rule_call *call)
{
	struct slice s = api_text(call, 1);
	char *block = api_scratch(call, s.len * 2 + 1), *to = block;
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];
		if (c < 0x80 && !is_word(c) && c != '_')
			*to++ = '\\';
		*to++ = (char)c;
	}
	return answer_scratch(call, block, to);
}

#define DECODED "string|nil, string|nil reason"

/* clang-format off */
static const struct rule_function functions[] = {
	{ "string.urlencode", urlencode, RULE_IN_ANY, "s: string", "string",
	  "Every byte but letters, digits and `-._~` becomes %XX (a blank %20).", "string.urlencode" },
	{ "string.urlencodeexceptreserved", urlencode_except_reserved, RULE_IN_ANY, "s: string", "string",
	  "As string.urlencode, but what separates the parts of a URL stays: `:/?#[]@!$&'()*+,;=`.",
	  "string.urlencodeexceptreserved" },
	{ "string.escape", escape, RULE_IN_ANY, "s: string", "string",
	  "Bytes up to 0x20, 0x7f and above, and `%` become %XX.", "string.escape" },
	{ "string.unescape", unescape, RULE_IN_ANY, "s: string", "string",
	  "Every %XX becomes its byte; a `%` without two hexadecimal digits stays, and so does `+`.",
	  "string.unescape" },
	{ "string.htmlencode", htmlencode, RULE_IN_ANY, "s: string", "string",
	  "`& < > \" '` become `&amp; &lt; &gt; &quot; &#39;`.", "string.htmlencode" },
	{ "string.htmldecode", htmldecode, RULE_IN_ANY, "s: string", "string",
	  "Undoes string.htmlencode; `&apos;` and numeric references (as UTF-8), too. Others stay.",
	  "string.htmldecode" },
	{ "string.hexencode", hexencode, RULE_IN_ANY, "s: string", "string",
	  "Two hexadecimal digits for each byte, in lower case.", "string.hexencode" },
	{ "string.hexdecode", hexdecode, RULE_IN_ANY, "s: string", DECODED,
	  "The bytes that pairs of hexadecimal digits stand for; nil and a reason for anything else.",
	  "string.hexdecode" },
	{ "string.base64encode", base64encode, RULE_IN_ANY, "s: string", "string",
	  "Base64 with padding, without line ends (RFC 4648 4).", "string.base64encode" },
	{ "string.base64decode", base64decode, RULE_IN_ANY, "s: string", DECODED,
	  "Undoes base64 (RFC 4648 4); padding may be left out. Nil and a reason for anything else.",
	  "string.base64decode" },
	{ "string.regexescape", regexescape, RULE_IN_ANY, "s: string", "string",
	  "A backslash before every ASCII character that is no letter, digit or `_`: a regular expression "
	  "then means the text itself.", "string.regexescape" },
};
/* clang-format on */

API_FAMILY(api_string_encode, functions);

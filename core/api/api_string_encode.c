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

/* ---- in pieces ---------------------------------------------------------------------------------------- */

/* Whole groups of 2, 3 and 4 bytes. */
#define PIECE_BYTES 6144

struct recoding {
	struct api_made made;
	size_t done; /* bytes of the text */
};

/*
 * Writes to *to what the bytes of `s` from *at up to `end`, or a little beyond it, become, and moves
 * both. NULL, or why they are refused.
 */
typedef const char *(*recode_piece)(struct slice s, size_t *at, size_t end, char **to);

static void release_recoding(void *state)
{
	struct recoding *r = state;
	api_made_release(&r->made);
}

/* Argument 1 becomes something else, at most `widest` bytes for each of its own. */
static enum rule_answer recode(struct rule_call *call, recode_piece piece, size_t widest)
{
	struct slice s = rule_argument_string(call, 1);
	struct recoding *r = rule_work(call);
	if (r == NULL)
		r = rule_work_begin(call, sizeof *r, release_recoding);
	while (r->done < s.len) {
		size_t len = s.len - r->done < PIECE_BYTES ? s.len - r->done : PIECE_BYTES;
		char *room = api_made_room(call, &r->made, (len + 1) * widest), *to = room;
		rule_spend(call, len * 2);
		const char *why = piece(s, &r->done, r->done + len, &to);
		if (why != NULL)
			return api_fail(call, why);
		r->made.len += (size_t)(to - room);
		if (r->done < s.len && rule_turn_is_over(call, len))
			return RULE_GO_ON;
	}
	api_made_push(call, &r->made);
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

static void percent_encode(struct slice s, size_t *at, size_t end, char **to,
			   bool (*stays)(unsigned char c))
{
	static const char digits[] = "0123456789ABCDEF"; /* RFC 3986 2.1 prefers them */
	char *out = *to;
	for (; *at < end; ++*at) {
		unsigned char c = (unsigned char)s.at[*at];
		if (stays(c)) {
			*out++ = (char)c;
			continue;
		}
		*out++ = '%';
		*out++ = digits[c >> 4];
		*out++ = digits[c & 15];
	}
	*to = out;
}

static const char *encode_all(struct slice s, size_t *at, size_t end, char **to)
{
	percent_encode(s, at, end, to, is_unreserved);
	return NULL;
}

static const char *encode_what_is_no_uri(struct slice s, size_t *at, size_t end, char **to)
{
	percent_encode(s, at, end, to, is_uri_byte);
	return NULL;
}

static const char *encode_what_is_not_plain(struct slice s, size_t *at, size_t end, char **to)
{
	percent_encode(s, at, end, to, is_plain);
	return NULL;
}

static const char *decode_percent(struct slice s, size_t *at, size_t end, char **to)
{
	char *out = *to;
	while (*at < end) {
		int high = -1, low = -1;
		if (s.at[*at] == '%' && s.len - *at > 2) {
			high = slice_hex_digit(s.at[*at + 1]);
			low = slice_hex_digit(s.at[*at + 2]);
		}
		bool is_code = high >= 0 && low >= 0;
		*out++ = (char)(is_code ? high << 4 | low : s.at[*at]);
		*at += is_code ? 3 : 1;
	}
	*to = out;
	return NULL;
}

static enum rule_answer urlencode(struct rule_call *call)
{
	return recode(call, encode_all, 3);
}

static enum rule_answer urlencode_except_reserved(struct rule_call *call)
{
	return recode(call, encode_what_is_no_uri, 3);
}

static enum rule_answer escape(struct rule_call *call)
{
	return recode(call, encode_what_is_not_plain, 3);
}

static enum rule_answer unescape(struct rule_call *call)
{
	return recode(call, decode_percent, 1);
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
#define REFERENCE_BYTES 6

static struct slice html_of(const char *c)
{
	for (size_t i = 0; i < REFERENCE_COUNT; i++)
		if (references[i].character == *c)
			return references[i].name;
	return slice_of(c, 1);
}

static const char *encode_html(struct slice s, size_t *at, size_t end, char **to)
{
	for (; *at < end; ++*at) {
		struct slice text = html_of(s.at + *at);
		memcpy(*to, text.at, text.len);
		*to += text.len;
	}
	return NULL;
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

static const char *decode_html(struct slice s, size_t *at, size_t end, char **to)
{
	while (*at < end) {
		uint32_t c;
		size_t len = s.at[*at] == '&' ? reference_at(slice_skip(s, *at), &c) : 0;
		if (len > 0)
			*to = slice_put_utf8(*to, c);
		else
			*(*to)++ = s.at[*at];
		*at += len > 0 ? len : 1;
	}
	return NULL;
}

static enum rule_answer htmlencode(struct rule_call *call)
{
	return recode(call, encode_html, REFERENCE_BYTES);
}

/* A reference is never shorter than its character, of which the last one has up to 4 bytes. */
static enum rule_answer htmldecode(struct rule_call *call)
{
	return recode(call, decode_html, 4);
}

/* ---- hexadecimal, base64, patterns ---------------------------------------------------------------- */

static const char *encode_hex(struct slice s, size_t *at, size_t end, char **to)
{
	for (; *at < end; ++*at) {
		unsigned char c = (unsigned char)s.at[*at];
		*(*to)++ = hex_digits[c >> 4];
		*(*to)++ = hex_digits[c & 15];
	}
	return NULL;
}

static const char *decode_hex(struct slice s, size_t *at, size_t end, char **to)
{
	if (s.len % 2 != 0)
		return "an odd number of hexadecimal digits";
	for (; *at < end; *at += 2) {
		int high = slice_hex_digit(s.at[*at]), low = slice_hex_digit(s.at[*at + 1]);
		if (high < 0 || low < 0)
			return "not a hexadecimal digit";
		*(*to)++ = (char)(high << 4 | low);
	}
	return NULL;
}

static const char *encode_base64(struct slice s, size_t *at, size_t end, char **to)
{
	*to = base64_encode(slice_of(s.at + *at, end - *at), *to);
	*at = end;
	return NULL;
}

/* Only the last piece may have padding: in another one it makes less than three bytes of four. */
static const char *decode_base64(struct slice s, size_t *at, size_t end, char **to)
{
	size_t len;
	const char *why = base64_decode(slice_of(s.at + *at, end - *at), BASE64_PLAIN, *to, &len);
	if (why == NULL && end < s.len && len != (end - *at) / 4 * 3)
		why = "not a digit of base64";
	if (why != NULL)
		return why;
	*to += len;
	*at = end;
	return NULL;
}

static const char *escape_pattern(struct slice s, size_t *at, size_t end, char **to)
{
	for (; *at < end; ++*at) {
		unsigned char c = (unsigned char)s.at[*at];
		if (c < 0x80 && !is_word(c) && c != '_')
			*(*to)++ = '\\';
		*(*to)++ = (char)c;
	}
	return NULL;
}

static enum rule_answer hexencode(struct rule_call *call)
{
	return recode(call, encode_hex, 2);
}

static enum rule_answer hexdecode(struct rule_call *call)
{
	return recode(call, decode_hex, 1);
}

static enum rule_answer base64encode(struct rule_call *call)
{
	return recode(call, encode_base64, 2);
}

static enum rule_answer base64decode(struct rule_call *call)
{
	return recode(call, decode_base64, 1);
}

static enum rule_answer regexescape(struct rule_call *call)
{
	return recode(call, escape_pattern, 2);
}

#define LONG (RULE_IN_ANY | RULE_IN_PIECES)
#define DECODED "string|nil, string|nil reason"

/* clang-format off */
static const struct rule_function functions[] = {
	{ "string.urlencode", urlencode, LONG, "s: string", "string",
	  "Every byte but letters, digits and `-._~` becomes %XX (a blank %20).", "string.urlencode" },
	{ "string.urlencodeexceptreserved", urlencode_except_reserved, LONG, "s: string", "string",
	  "As string.urlencode, but what separates the parts of a URL stays: `:/?#[]@!$&'()*+,;=`.",
	  "string.urlencodeexceptreserved" },
	{ "string.escape", escape, LONG, "s: string", "string",
	  "Bytes up to 0x20, 0x7f and above, and `%` become %XX.", "string.escape" },
	{ "string.unescape", unescape, LONG, "s: string", "string",
	  "Every %XX becomes its byte; a `%` without two hexadecimal digits stays, and so does `+`.",
	  "string.unescape" },
	{ "string.htmlencode", htmlencode, LONG, "s: string", "string",
	  "`& < > \" '` become `&amp; &lt; &gt; &quot; &#39;`.", "string.htmlencode" },
	{ "string.htmldecode", htmldecode, LONG, "s: string", "string",
	  "Undoes string.htmlencode; `&apos;` and numeric references (as UTF-8), too. Others stay.",
	  "string.htmldecode" },
	{ "string.hexencode", hexencode, LONG, "s: string", "string",
	  "Two hexadecimal digits for each byte, in lower case.", "string.hexencode" },
	{ "string.hexdecode", hexdecode, LONG, "s: string", DECODED,
	  "The bytes that pairs of hexadecimal digits stand for; nil and a reason for anything else.",
	  "string.hexdecode" },
	{ "string.base64encode", base64encode, LONG, "s: string", "string",
	  "Base64 with padding, without line ends (RFC 4648 4).", "string.base64encode" },
	{ "string.base64decode", base64decode, LONG, "s: string", DECODED,
	  "Undoes base64 (RFC 4648 4); padding may be left out. Nil and a reason for anything else.",
	  "string.base64decode" },
	{ "string.regexescape", regexescape, LONG, "s: string", "string",
	  "A backslash before every ASCII character that is no letter, digit or `_`: a regular expression "
	  "then means the text itself.", "string.regexescape" },
};
/* clang-format on */

API_FAMILY(api_string_encode, functions);

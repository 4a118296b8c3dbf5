/* SPDX-License-Identifier: Apache-2.0 */
#include "text/base64.h"

#include <stdint.h>

static const char digits[2][65] = {
	[BASE64_PLAIN] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
	[BASE64_URL] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

char *base64_encode(struct slice bytes, char *out)
{
	for (size_t i = 0; i < bytes.len; i += 3) {
		size_t here = bytes.len - i < 3 ? bytes.len - i : 3;
		uint32_t bits = 0;
		for (size_t j = 0; j < 3; j++)
			bits = bits << 8 | (j < here ? (unsigned char)bytes.at[i + j] : 0);
		for (size_t j = 0; j < 4; j++)
			*out++ = j <= here ? digits[BASE64_PLAIN][bits >> (18 - 6 * j) & 63] : '=';
	}
	return out;
}

static int digit_value(enum base64_alphabet alphabet, char c)
{
	const char *found = c == '\0' ? NULL : strchr(digits[alphabet], c);
	return found == NULL ? -1 : (int)(found - digits[alphabet]);
}

const char *base64_decode(struct slice text, enum base64_alphabet alphabet, char *out, size_t *len)
{
	size_t padding = 0, most_padding = alphabet == BASE64_PLAIN ? 2 : 0;
	while (padding < most_padding && padding < text.len &&
	       text.at[text.len - 1 - padding] == '=')
		padding++;
	size_t count = text.len - padding;
	if (count % 4 == 1 || (padding > 0 && text.len % 4 != 0))
		return "not the length of base64";
	char *to = out;
	uint32_t bits = 0;
	for (size_t i = 0; i < count; i++) {
		int digit = digit_value(alphabet, text.at[i]);
		if (digit < 0)
			return "not a digit of base64";
		bits = (bits << 6 | (uint32_t)digit) & 0xffffff;
		if (i % 4 > 0)
			*to++ = (char)(bits >> (6 - i % 4 * 2));
	}
	if (count % 4 > 1 && (bits & (count % 4 == 2 ? 15u : 3u)) != 0)
		return "base64 with bits left over";
	*len = (size_t)(to - out);
	return NULL;
}

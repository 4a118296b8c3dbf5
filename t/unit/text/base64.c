/* SPDX-License-Identifier: Apache-2.0 */
#include "text/base64.h"

#include <criterion/criterion.h>

static const char *decode(const char *text, enum base64_alphabet alphabet, const char **why)
{
	static char out[64];
	size_t len = 0;
	*why = base64_decode(slice_of_string(text), alphabet, out, &len);
	cr_assert_leq(len, BASE64_DECODED_BYTES(strlen(text)));
	out[len] = '\0';
	return out;
}

/* RFC 4648 10 */
static const struct {
	const char *bytes, *plain, *url;
} vectors[] = {
	{ "", "", "" },
	{ "f", "Zg==", "Zg" },
	{ "fo", "Zm8=", "Zm8" },
	{ "foo", "Zm9v", "Zm9v" },
	{ "foob", "Zm9vYg==", "Zm9vYg" },
	{ "fooba", "Zm9vYmE=", "Zm9vYmE" },
	{ "foobar", "Zm9vYmFy", "Zm9vYmFy" },
	{ "\xfb\xff\xfe", "+//+", "-__-" },
};

Test(base64, there_and_back)
{
	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
		char out[16] = "";
		const char *why;
		*base64_encode(slice_of_string(vectors[i].bytes), out) = '\0';
		cr_expect_str_eq(out, vectors[i].plain);
		cr_expect_str_eq(decode(vectors[i].plain, BASE64_PLAIN, &why), vectors[i].bytes);
		cr_expect_null(why);
		cr_expect_str_eq(decode(vectors[i].url, BASE64_URL, &why), vectors[i].bytes);
		cr_expect_null(why);
	}
}

static const struct {
	enum base64_alphabet alphabet;
	const char *text, *why;
} bad[] = {
	{ BASE64_PLAIN, "Z", "not the length of base64" },
	{ BASE64_PLAIN, "Zg=", "not the length of base64" },
	{ BASE64_PLAIN, "Zh", "base64 with bits left over" },
	{ BASE64_PLAIN, "-_8", "not a digit of base64" },
	{ BASE64_PLAIN, "Zm 9", "not a digit of base64" },
	{ BASE64_PLAIN, "Z===", "not a digit of base64" },
	{ BASE64_URL, "Zg==", "not a digit of base64" },
	{ BASE64_URL, "+/8", "not a digit of base64" },
	{ BASE64_URL, "Zm9", "base64 with bits left over" },
};

Test(base64, is_strict)
{
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		const char *why;
		decode(bad[i].text, bad[i].alphabet, &why);
		cr_assert_not_null(why, "%s", bad[i].text);
		cr_expect_str_eq(why, bad[i].why, "%s: %s", bad[i].text, why);
	}
}

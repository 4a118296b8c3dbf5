/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/node_token.h"

#include <criterion/criterion.h>

static const uint64_t secret[2] = { 0x0123456789abcdef, 0xfedcba9876543210 };
static const uint64_t other[2] = { 0x0123456789abcdef, 0xfedcba9876543211 };

static const struct addr v4 = { .ip = { 10, 0, 0, 1 }, .port = 80, .family = ADDR_IPV4 };
static const struct addr v6 = {
	.ip = { 0xfe, 0x80, [15] = 1 }, .scope = 3, .port = 8080, .family = ADDR_IPV6
};

static struct slice token(const struct addr *address, const char *purpose,
			  char text[NODE_TOKEN_LEN])
{
	node_token_write(secret, slice_of_string(purpose), address, text);
	return slice_of(text, NODE_TOKEN_LEN);
}

Test(node_token, gives_the_address_back)
{
	char text[NODE_TOKEN_LEN];
	struct addr address;
	cr_assert(node_token_read(secret, SLICE("shop"), token(&v4, "shop", text), &address));
	cr_expect(addr_is_equal(&address, &v4));
	cr_assert(node_token_read(secret, SLICE("shop"), token(&v6, "shop", text), &address));
	cr_expect(addr_is_equal(&address, &v6));
}

Test(node_token, is_always_the_same)
{
	char one[NODE_TOKEN_LEN], two[NODE_TOKEN_LEN];
	cr_expect(slice_is_equal(token(&v4, "shop", one), token(&v4, "shop", two)));
}

Test(node_token, another_secret_or_purpose_reads_nothing)
{
	char text[NODE_TOKEN_LEN];
	struct addr address;
	token(&v4, "shop", text);
	struct slice all = slice_of(text, sizeof text);
	cr_expect_not(node_token_read(other, SLICE("shop"), all, &address));
	cr_expect_not(node_token_read(secret, SLICE("shop2"), all, &address));
	cr_expect_not(node_token_read(secret, SLICE(""), all, &address));
}

Test(node_token, a_changed_one_is_none)
{
	char text[NODE_TOKEN_LEN];
	struct addr address;
	token(&v4, "shop", text);
	for (size_t i = 0; i < sizeof text; i++) {
		char before = text[i];
		text[i] = before == '0' ? '1' : '0';
		cr_expect_not(node_token_read(secret, SLICE("shop"), slice_of(text, sizeof text),
					      &address),
			      "digit %zu", i);
		text[i] = 'g';
		cr_expect_not(node_token_read(secret, SLICE("shop"), slice_of(text, sizeof text),
					      &address));
		text[i] = before;
	}
	for (size_t len = 0; len < sizeof text; len++)
		cr_expect_not(
			node_token_read(secret, SLICE("shop"), slice_of(text, len), &address));
}

Test(node_token, parts_of_two_make_none)
{
	char one[NODE_TOKEN_LEN], two[NODE_TOKEN_LEN];
	struct addr address, near = v4;
	near.ip[3] = 2;
	token(&v4, "shop", one);
	token(&near, "shop", two);
	memcpy(one, two, 16);
	cr_expect_not(node_token_read(secret, SLICE("shop"), slice_of(one, sizeof one), &address));
}

/* What two addresses have in common does not show. */
Test(node_token, shows_nothing_of_the_address)
{
	char one[NODE_TOKEN_LEN], two[NODE_TOKEN_LEN];
	struct addr near = v4;
	size_t same = 0;
	near.port++;
	token(&v4, "shop", one);
	token(&near, "shop", two);
	for (size_t i = 0; i < sizeof one; i++)
		same += one[i] == two[i];
	cr_expect_lt(same, 16, "%zu of 64 digits are the same", same);
}

Test(node_token, names_are_letters_of_the_purpose)
{
	char one[NODE_TOKEN_NAME_LEN], two[NODE_TOKEN_NAME_LEN];
	node_token_name(secret, SLICE("shop"), one);
	for (size_t i = 0; i < sizeof one; i++)
		cr_expect(one[i] >= 'a' && one[i] <= 'z');
	node_token_name(secret, SLICE("shop"), two);
	cr_expect_arr_eq(one, two, sizeof one);
	node_token_name(secret, SLICE("shop2"), two);
	cr_expect_neq(memcmp(one, two, sizeof one), 0);
}

/*
 * Made by another program, from what the head of node_token.c says: whoever has the same secret, another machine or
 * a later version, reads the cookies of this one; and each use (proof, hiding, name) has keys of its own.
 */
Test(node_token, is_the_one_that_everybody_makes)
{
	char text[NODE_TOKEN_LEN + 1] = "", name[NODE_TOKEN_NAME_LEN + 1] = "";
	token(&v4, "shop", text);
	cr_expect_str_eq(text, "a2b8206270470adc61259f3532250dbed216518fdbce54aab76dd15ab8aa60c5");
	token(&v6, "shop", text);
	cr_expect_str_eq(text, "ee40443e76a03531b8b69509390178bcfcd4529729d09e8f03a7d864c43afc84");
	node_token_name(secret, SLICE("shop"), name);
	cr_expect_str_eq(name, "rogopzmb");
}

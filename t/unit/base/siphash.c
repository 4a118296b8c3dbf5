/* SPDX-License-Identifier: Apache-2.0 */
#include "base/siphash.h"

#include <criterion/criterion.h>

/* Key 00 01 .. 0f and input 00 01 .., as the paper's appendix and its authors' code have them. */
static const uint64_t key[2] = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };
static const char input[] = "\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16";

Test(siphash, 2_4_is_that_of_its_authors)
{
	cr_expect_eq(siphash_2_4(key, slice_of(input, 0)), 0x726fdb47dd0e0e31);
	cr_expect_eq(siphash_2_4(key, slice_of(input, 1)), 0x74f839c593dc67fd);
	cr_expect_eq(siphash_2_4(key, slice_of(input, 8)), 0x93f5f5799a932462);
	cr_expect_eq(siphash_2_4(key, slice_of(input, 15)), 0xa129ca6149be45e5);
}

Test(siphash, 1_3_is_another_one)
{
	cr_expect_eq(siphash_1_3(key, slice_of(input, 0)), 0xabac0158050fc4dc);
	cr_expect_eq(siphash_1_3(key, slice_of(input, 15)), 0xd320d86d2a519956);
}

Test(siphash, the_key_counts)
{
	static const uint64_t other[2] = { 0x0706050403020101, 0x0f0e0d0c0b0a0908 };
	cr_expect_neq(siphash_2_4(other, slice_of(input, 8)), siphash_2_4(key, slice_of(input, 8)));
}

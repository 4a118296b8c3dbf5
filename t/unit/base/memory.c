/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>

Test(memory, new_memory_is_zeroed)
{
	char *memory = memory_new(100, 3);
	for (size_t i = 0; i < 300; i++)
		cr_assert_eq(memory[i], 0);
	free(memory);
}

Test(memory, resizing_keeps_what_was_there)
{
	char *memory = memory_resize(NULL, 4);
	memcpy(memory, "abc", 4);
	memory = memory_resize(memory, 100000);
	cr_expect_str_eq(memory, "abc");
	free(memory);
}

Test(memory, strings_are_copied_with_a_nul_behind)
{
	char *copy = memory_copy_string("abcdef", 3);
	cr_expect_str_eq(copy, "abc");
	free(copy);
	copy = memory_copy_string(NULL, 0);
	cr_expect_str_eq(copy, "");
	free(copy);
}

/* The address sanitizer has its own end for such a call. */
#ifdef __SANITIZE_ADDRESS__
#define HAS_OWN_END true
#else
#define HAS_OWN_END false
#endif

/* SIZE_MAX / 2 + 1 times two is 0: the product must not be what is asked for. */
Test(memory, what_cannot_be_had_stops_the_process, .signal = SIGABRT, .disabled = HAS_OWN_END)
{
	volatile size_t count = SIZE_MAX / 2 + 1;
	free(memory_new(count, 2));
}

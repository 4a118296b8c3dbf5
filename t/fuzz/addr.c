/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses: what is accepted can be written and read again, and means the same. */
#include "net/addr.h"
#include "base/check.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of((const char *)data, size);
	char out[ADDR_TEXT_BYTES];
	struct addr a, again;
	unsigned bits;
	if (addr_parse(text, &a)) {
		check(addr_parse(slice_of_string(addr_format(&a, out)), &again));
		check(addr_is_equal(&a, &again));
	}
	if (addr_parse_ip(text, &a)) {
		check(addr_parse_ip(slice_of_string(addr_format_ip(&a, out)), &again));
		check(addr_is_same_ip(&a, &again));
	}
	if (addr_parse_network(text, &a, &bits))
		check(addr_is_within(&a, &a, bits));
	return 0;
}

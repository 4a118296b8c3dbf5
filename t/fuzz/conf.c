/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration files: any text is read or complained of, in bounded time, and nothing leaks. */
#include "conf/conf.h"
#include "base/arena.h"
#include "base/check.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct complaints complaints = { 0 };
	struct conf *c = conf_read_text("/nowhere/weir.yaml", slice_of((const char *)data, size),
					&complaints);
	check((c == NULL) == (complaints.errors > 0));
	conf_free(c);
	complaints_release(&complaints);
	return 0;
}

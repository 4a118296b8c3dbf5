/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_parse.h"

#include <criterion/criterion.h>
#include <signal.h>

Test(http_parse, every_reason_has_a_status_and_words)
{
	for (unsigned i = HTTP_REASON_NONE + 1; i < HTTP_REASON_COUNT; i++) {
		unsigned status = http_reason_status((enum http_reason)i);
		cr_expect(status >= 400 && status <= 505, "%u", i);
		cr_expect(http_reason_words((enum http_reason)i)[0] != '\0');
		cr_expect(http_reason_word((enum http_reason)i)[0] != '\0');
	}
	cr_expect(http_reason_status(HTTP_REASON_VERSION) == 505);
}

Test(http_parse, no_reason_beyond_the_last, .signal = SIGABRT)
{
	http_reason_status(HTTP_REASON_COUNT);
}

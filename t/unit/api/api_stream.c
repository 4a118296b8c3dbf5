/* SPDX-License-Identifier: Apache-2.0 */
#include "api_unit.h"

#include <criterion/criterion.h>

TestSuite(api_stream, .init = api_unit_open, .fini = api_unit_close);

Test(api_stream, http_has_functions_of_its_own)
{
	static const char *const calls[][2] = {
		{ "request.get(5)", "request.get: for TCP and UDP; on HTTP write http.getBody()" },
		{ "request.getLine()", "on HTTP write http.getBodyLines()" },
		{ "request.endsAt(5)", "on HTTP write nothing: the head says where" },
		{ "request.endsWith('x')", "on HTTP write nothing: the head says where" },
		{ "request.set('x')", "on HTTP write http.setBody(body)" },
		{ "request.skip(1)", "on HTTP write http.setBody(body)" },
		{ "request.sendResponse('x')", "on HTTP write http.sendResponse(" },
		{ "response.get()", "on HTTP write http.getResponseBody()" },
		{ "response.getLine()", "on HTTP write http.getResponseBodyLines()" },
		{ "response.set('x')", "on HTTP write http.setResponseBody(body)" },
		{ "response.append('x')", "on HTTP write http.setResponseBody(body)" },
		{ "response.flush()", "on HTTP write http.stream.writeResponse(data)" },
		{ "response.close()", "on HTTP write nothing: weir ends" },
	};
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		bool is_response = calls[i][0][3] == 'p';
		api_unit_fails_in(is_response ? RULE_RESPONSE : RULE_REQUEST, calls[i][0],
				  calls[i][1]);
	}
}

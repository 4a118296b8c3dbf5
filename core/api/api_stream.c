/*
 * request.* and response.* where they read and write the bytes of a stream: for TCP and UDP. On HTTP
 * messages have a framing that such a function would break, so there each is an error that names the
 * http.* function.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_private.h"

static enum rule_answer refuse(struct rule_call *call)
{
	rule_error_on_http(call);
}

#define ON_HTTP(instead) "for TCP and UDP; on HTTP write " instead ". "
#define REQUEST (RULE_IN_REQUEST | RULE_IN_RESPONSE | RULE_ON_STREAMS)

/* clang-format off */
static const struct rule_function functions[] = {
	{ "request.get", refuse, REQUEST, "count?: integer", "string",
	  ON_HTTP("http.getBody(), http.getRequest() for the head") "The first bytes of the request.",
	  "request.get" },
	{ "request.getLine", refuse, RULE_IN_ANY | RULE_ON_STREAMS, "regex?: string, offset?: integer",
	  "string", ON_HTTP("http.getBodyLines()") "The next line of the request.", "request.getLine" },
	{ "request.endsAt", refuse, REQUEST, "offset: integer", "string",
	  ON_HTTP("nothing: the head says where a request ends") "Says where the request ends.",
	  "request.endsAt" },
	{ "request.endsWith", refuse, REQUEST, "regex: string", "string",
	  ON_HTTP("nothing: the head says where a request ends") "Says how the request ends.",
	  "request.endsWith" },
	{ "request.set", refuse, REQUEST, "data: string", "",
	  ON_HTTP("http.setBody(body)") "Puts other bytes in place of the request.", "request.set" },
	{ "request.skip", refuse, REQUEST, "count: integer", "",
	  ON_HTTP("http.setBody(body)") "Drops the first bytes of the request.", "request.skip" },
	{ "request.sendResponse", refuse, REQUEST, "data: string", "",
	  ON_HTTP("http.sendResponse(code, type, body, headers)") "Answers with these bytes.",
	  "request.sendResponse" },
	{ "response.get", refuse, REQUEST, "count?: integer", "string",
	  ON_HTTP("http.getResponseBody(), http.getResponse() for the head")
	  "The first bytes of the response.", "response.get" },
	{ "response.getLine", refuse, RULE_IN_ANY | RULE_ON_STREAMS, "regex?: string, offset?: integer",
	  "string", ON_HTTP("http.getResponseBodyLines()") "The next line of the response.",
	  "response.getLine" },
	{ "response.set", refuse, REQUEST, "data: string", "",
	  ON_HTTP("http.setResponseBody(body)") "Puts other bytes in place of the response.",
	  "response.set" },
	{ "response.append", refuse, REQUEST, "data: string", "",
	  ON_HTTP("http.setResponseBody(body)") "Adds bytes to the response.",
	  "response.append" },
	{ "response.flush", refuse, REQUEST, "count?: integer", "",
	  ON_HTTP("http.stream.writeResponse(data)") "Sends bytes of the response now.",
	  "response.flush" },
	{ "response.close", refuse, REQUEST, "", "",
	  ON_HTTP("nothing: weir ends a node's connection when the answer says so")
	  "Ends the node's connection.", "response.close" },
};
/* clang-format on */

API_FAMILY(api_stream, functions);

/*
 * api_http: what http.* has twice, once for the request and once for the response: header lines by
 * name, and the checks of what a rule wants to write. It knows no transaction, only fields.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_API_HTTP_H
#define WEIR_API_HTTP_H

#include "api/api_private.h"
#include "http/http_fields.h"

/* For "%.*s" in a message: a text that a rule gave, cut to what a person reads. */
#define API_HTTP_PRINT(s) (int)((s).len < 100 ? (s).len : 100), (s).at

/* What an error says of a header value or the like that has them. */
#define API_HTTP_NO_CONTROLS "expected text without CR, LF, NUL and other controls"

/* What a rule may not touch: the framing of messages is weir's own, and so is Expect. */
bool api_http_is_ours(enum http_field_id id);

/*
 * Argument `n` as the name of a header that the rule writes, or as a value. What cannot stand in a
 * header, and names that weir writes itself, raise an error. Both lie in the transaction's arena.
 */
struct slice api_http_name(struct rule_call *call, unsigned n);
struct slice api_http_value(struct rule_call *call, unsigned n);

/* The same for a name and value that are not an argument themselves but part of argument `n`. */
void api_http_check_line(struct rule_call *call, unsigned n, struct slice name, struct slice value);

/*
 * Argument `n` as a status code: 403, "403" or "403 Forbidden". *reason (in the arena) is absent
 * when there is none.
 */
unsigned api_http_code(struct rule_call *call, unsigned n, struct slice *reason);

/* Argument `n` as a Content-Type; absent when it is nil or empty. */
struct slice api_http_type(struct rule_call *call, unsigned n);

/*
 * Argument `n` as header lines of an answer, added to `to`: a table, or text of lines that end in CRLF
 * or LF. Absent is none. Date is ours, and Content-Type may not come twice: `type` is that of another
 * argument, or absent.
 */
void api_http_add_lines(struct rule_call *call, unsigned n, struct slice type,
			struct http_fields *to);

/* Arguments 1 and 2 as the name and the value of a cookie to be set; in the arena. */
void api_http_cookie(struct rule_call *call, struct slice *name, struct slice *value);

/* ---- whole functions for rules: argument 1 is the name -------------------------------------------- */

enum rule_answer api_http_get_header(struct rule_call *call, const struct http_fields *f);
enum rule_answer api_http_header_exists(struct rule_call *call, const struct http_fields *f);
enum rule_answer api_http_get_headers(struct rule_call *call, const struct http_fields *f);
enum rule_answer api_http_list_names(struct rule_call *call, const struct http_fields *f);
enum rule_answer api_http_set_header(struct rule_call *call, struct http_fields *f);
enum rule_answer api_http_remove_header(struct rule_call *call, struct http_fields *f);

/* Keeps the lines that the arguments name, and those that are not the rule's to remove. */
enum rule_answer api_http_scrub(struct rule_call *call, struct http_fields *f);

/* The first line (without CRLF) and all header lines, as one text. */
enum rule_answer api_http_get_head(struct rule_call *call, struct slice first_line,
				   const struct http_fields *f);

#endif

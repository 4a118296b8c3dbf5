/*
 * Help for the tests of this room: a transaction built by hand, without sockets, and rules that run
 * for it. Most tests are a rule of asserts: api_unit_passes.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_T_UNIT_API_UNIT_H
#define WEIR_T_UNIT_API_UNIT_H

#include "api/api.h"
#include "txn/txn.h"

/*
 * Virtual server "shop" with default pool "web" (10.0.0.1:80 to 10.0.0.4:80), pool "other"
 * ([fd00::1]:80), and those that the rules in rules/ name. Rate classes second (3), minute (2),
 * free and closed (1 a minute, nobody waits), service level classes api and other. The client is 192.0.2.7:4321, accepted
 * at 10.9.0.1:8080, headed for 203.0.113.5:80. The rule is called "test".
 */
extern struct txn *api_unit_txn;

/* For .init and .fini of a suite. */
void api_unit_open(void);
void api_unit_close(void);

/* Gives the transaction this request, or the node's response, as if it had been received. */
void api_unit_request(const char *head);
void api_unit_response(const char *head);

/* Runs the text as a rule of that phase for the transaction. */
enum rule_result api_unit_run(enum rule_phase phase, const char *text);

/* The same in two steps, for a file. */
struct rule *api_unit_load(const char *path, unsigned phases);
enum rule_result api_unit_run_loaded(struct rule *loaded, enum rule_phase phase);

/* A rule (a request rule) that must end without a verdict and without an error. */
void api_unit_passes(const char *text);
void api_unit_passes_in(enum rule_phase phase, const char *text);

/* A rule that must fail with a message that contains `part`. */
void api_unit_fails(const char *text, const char *part);
void api_unit_fails_in(enum rule_phase phase, const char *text, const char *part);

/* A rule that must end with a verdict. */
void api_unit_decides(enum rule_phase phase, const char *text);

/* From here on what goes to standard error is kept; then all of it, NUL-terminated. */
void api_unit_keep_log(void);
const char *api_unit_log(void);

#endif

/*
 * rule_check: judges the global names that a rule uses, before it ever runs. What is said here is
 * for somebody who carries rules over from TrafficScript, too.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_RULE_CHECK_H
#define WEIR_RULE_CHECK_H

#include "rule/rule_parse.h"
#include "rule/rule_private.h"

/* Complains about each use in `parsed` that cannot be meant; `phases` 0 if they are not known. */
void rule_check(const struct rule_vm *vm, const struct rule_parsed *parsed, const char *path,
		unsigned phases, struct complaints *complaints);

/* Of a function that is not for this protocol: "for TCP and UDP; on HTTP write ...". */
struct slice rule_check_elsewhere(const struct rule_function *function,
				  enum rule_protocol protocol);

#endif

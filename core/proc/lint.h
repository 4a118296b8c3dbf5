/*
 * lint: what luacheck finds in the rules, where it is installed: locals that nobody uses, code that
 * is never reached. Only for `weir check`, and never an error: weir itself judges what must be right.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROC_LINT_H
#define WEIR_PROC_LINT_H

#include "base/complaint.h"
#include "conf/conf.h"

/* Adds its findings as warnings; nothing where it is not installed. Waits for it. */
void lint_rules(const struct conf *conf, struct complaints *complaints);

#endif

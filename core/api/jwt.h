/*
 * jwt: signatures of tokens and the keys that prove them (RFC 7518 3). Knows neither rules
 * nor what stands in a token.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_API_JWT_H
#define WEIR_API_JWT_H

#include "base/slice.h"

enum jwt_algorithm {
	JWT_NONE, /* also every name that is none of these */
	JWT_HS256,
	JWT_HS384,
	JWT_HS512,
	JWT_RS256,
	JWT_RS384,
	JWT_RS512,
	JWT_ES256,
	JWT_ES384,
	JWT_ES512,
};

enum jwt_signature { JWT_GOOD, JWT_BAD, JWT_KEY_UNFIT };

enum jwt_algorithm jwt_algorithm_of(struct slice name);
const char *jwt_algorithm_name(enum jwt_algorithm algorithm);

/* What one check costs, as bytes of other work (see rule_spend). */
size_t jwt_cost(enum jwt_algorithm algorithm);

/*
 * Is `signature` that of `text` by the key? `key` is the secret of an HS algorithm, else PEM. Keys
 * read from PEM are kept, the last ones used.
 */
enum jwt_signature jwt_signature_check(enum jwt_algorithm algorithm, struct slice key,
				       struct slice text, struct slice signature);

#endif

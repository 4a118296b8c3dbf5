/*
 * node_token: a node's address as a client may hold it in a cookie: nobody without the secret can
 * read it, or make one that is taken for one of ours; and one that is made for some purpose (a
 * persistence class) is nothing for another. The same address always gives the same token.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_POOL_NODE_TOKEN_H
#define WEIR_POOL_NODE_TOKEN_H

#include "base/slice.h"
#include "net/addr.h"

#include <stdbool.h>
#include <stdint.h>

/* Hexadecimal digits of a token. */
#define NODE_TOKEN_LEN 64

/* Writes the token. */
void node_token_write(const uint64_t secret[2], struct slice purpose, const struct addr *address,
		      char token[NODE_TOKEN_LEN]);

/* The address in a token; false if it is none of ours, or for another purpose. */
bool node_token_read(const uint64_t secret[2], struct slice purpose, struct slice token,
		     struct addr *address);

#define NODE_TOKEN_NAME_LEN 8

/* Writes letters that stand for the purpose, and say nothing of it: for the name of a cookie. */
void node_token_name(const uint64_t secret[2], struct slice purpose,
		     char name[NODE_TOKEN_NAME_LEN]);

#endif

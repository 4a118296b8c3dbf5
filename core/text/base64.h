/* base64: bytes as text, in the alphabets of RFC 4648 4 (with padding) and 5 (for URLs, without). */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TEXT_BASE64_H
#define WEIR_TEXT_BASE64_H

#include "base/slice.h"

enum base64_alphabet { BASE64_PLAIN, BASE64_URL };

/* Room that the text of `bytes` bytes, or the bytes of so much text, take at most. */
#define BASE64_ENCODED_BYTES(bytes) (((bytes) + 2) / 3 * 4)
#define BASE64_DECODED_BYTES(bytes) ((bytes) / 4 * 3 + 3)

/* Writes with padding, in the plain alphabet; returns the end of what it wrote. */
char *base64_encode(struct slice bytes, char *out);

/*
 * Undoes it into `out`; NULL when it is done, else why it cannot be. Strict: no other characters,
 * no bits left over (RFC 4648 3.5). Plain text may go without its padding, URL text must.
 */
const char *base64_decode(struct slice text, enum base64_alphabet alphabet, char *out, size_t *len);

#endif

/*
 * model: reads HTTP/1 a second time, slowly and simply, from the whole of what was sent, to judge what
 * weir made of it. It shares no code with core/http. What RFC 9112 leaves to a proxy is MAYBE here:
 * weir may take it, as the model reads it, or refuse it.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FUZZ_MODEL_H
#define WEIR_FUZZ_MODEL_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_BODY_MOST 65536

/* In this order: the worst of several holds. */
enum model_verdict {
	MODEL_SURE,  /* must be taken */
	MODEL_MAYBE, /* may be taken or refused */
	MODEL_NEVER, /* must be refused, and nothing behind it is read */
};

enum model_framing {
	MODEL_NO_BODY,
	MODEL_LENGTH,
	MODEL_CHUNKED,
	MODEL_UNTIL_CLOSE,
	MODEL_TUNNEL,
};

struct model_message {
	enum model_verdict verdict; /* of the head */
	bool is_head_whole;
	size_t head_len; /* what stands before it counted */
	struct slice method, target, reason;
	unsigned status;
	unsigned version_minor;
	enum model_framing framing;
	uint64_t length; /* of MODEL_LENGTH; also what a message without body announces */
	bool closes;     /* the connection is not used behind it */
	bool asks_upgrade;
	struct slice mark;   /* X-Mark, absent without */
	struct slice client; /* X-Cluster-Client-Ip, absent without or with several */
	struct slice op;     /* X-Op, absent without */
	bool is_coded;       /* has a Content-Encoding */

	enum model_verdict body_verdict; /* so far */
	bool is_body_whole;
	size_t body_len; /* decoded, at `body` */
	size_t total;    /* bytes of the whole message, or of what there is of it */
	char *body;      /* room for MODEL_BODY_MOST: the caller's */
};

/* The request at the start of `in`. Its body goes to m->body; what does not fit there is MAYBE. */
void model_read_request(struct slice in, struct model_message *m);

/* The response to a request with that method. `is_over`: nothing follows, in good order. */
void model_read_response(struct slice in, bool is_head, bool is_over, struct model_message *m);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "script.h"

#include "peers.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Requests that one client makes; an act can add some more. */
#define REQUESTS_MOST 40
#define BODY_MOST 5200

static const size_t pieces[] = { SIZE_MAX, 1, 2, 3, 7, 64, 500, 4000 };

static uint8_t take(struct script *s)
{
	if (s->len == 0)
		return 0;
	s->len--;
	return *s->at++;
}

/* As many bytes as the next one says. */
static struct slice take_text(struct script *s)
{
	size_t len = take(s);
	len = len < s->len ? len : s->len;
	struct slice text = slice_of((const char *)s->at, len);
	s->at += len;
	s->len -= len;
	return text;
}

/* ---- texts that are made up
 * --------------------------------------------------------------------------------
 */

static char text[BODY_MOST * 4];
static size_t text_len;

static void put(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void put(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int len = vsnprintf(text + text_len, sizeof text - text_len, format, arguments);
	va_end(arguments);
	text_len += (size_t)len;
}

/* A body that tells its bytes apart. */
static void put_bytes(size_t len, size_t from)
{
	for (size_t i = 0; i < len; i++)
		text[text_len++] = (char)('a' + (from + i + (from + i) / 26) % 26);
}

static void put_chunks(size_t len, const char *extension, const char *trailers)
{
	size_t chunk = len / 3 + 1;
	for (size_t done = 0; done < len; done += chunk) {
		size_t size = len - done < chunk ? len - done : chunk;
		put("%zx%s\r\n", size, extension);
		put_bytes(size, done);
		put("\r\n");
	}
	put("0\r\n%s\r\n", trailers);
}

static size_t body_length(struct script *s, bool is_big)
{
	size_t len = take(s);
	return is_big ? len * 20 : len;
}

enum body { NO_BODY, COUNTED, CHUNKED, TRAILED, TO_THE_END, ONE_TOO_MANY, ONLY_COUNTED };

/* The rest of a head, and the body behind it. */
static void put_body(enum body body, size_t len)
{
	if (body == COUNTED || body == ONLY_COUNTED || body == ONE_TOO_MANY)
		put("Content-Length: %zu\r\n", body == ONE_TOO_MANY ? len + 1 : len);
	if (body == CHUNKED || body == TRAILED)
		put("Transfer-Encoding: chunked\r\n");
	put("\r\n");
	if (body == CHUNKED)
		put_chunks(len, "", "");
	else if (body == TRAILED)
		put_chunks(len, ";x=y", "X-Trailer: 1\r\n");
	else if (body != NO_BODY && body != ONLY_COUNTED)
		put_bytes(len, 0);
}

/* The requests that are made up, by number. */
static const struct {
	const char *method, *fields;
	enum body body;
	bool is_old, is_absolute, has_path;
} requests[16] = {
	{ "GET", "X-A: 1\r\n", NO_BODY, .is_old = false },
	{ "GET", "Connection: keep-alive\r\n", NO_BODY, .is_old = true },
	{ "POST", "", COUNTED, .is_old = false },
	{ "POST", "", CHUNKED, .is_old = false },
	{ "HEAD", "X-A: 1\r\n", NO_BODY, .is_old = false },
	{ "GET", "Connection: close\r\n", NO_BODY, .is_old = false },
	{ "PUT", "Expect: 100-continue\r\n", COUNTED, .is_old = false },
	{ "GET", "Connection: Upgrade\r\nUpgrade: x\r\n", NO_BODY, .is_old = false },
	{ "OPTIONS", "X-A: 1\r\n", NO_BODY, .is_old = false },
	{ "POST", "Content-Length: 0\r\n", NO_BODY, .is_old = false },
	{ "GET", "X-A: 1\r\n", NO_BODY, .is_absolute = true },
	{ "DELETE", "TE: trailers\r\nConnection: TE\r\n", TRAILED, .is_old = false },
	{ "GET", "X-A: 1\r\n", NO_BODY, .has_path = true },
	{ "POST", "Content-Length: 5\r\n", CHUNKED, .is_old = false },
	{ "POST", "Transfer-Encoding: xchunked\r\n", COUNTED, .is_old = false },
	{ "GET", "Connection: X-B\r\nX-B: 1\r\nX-Cluster-Client-Ip: 10.9.0.9\r\n", NO_BODY,
	  .is_old = false },
};

/* Paths that the rule of the virtual server `rules` knows. */
static const char *const paths[] = { "wait", "answer", "discard", "fail",
				     "once", "clear",  "later",   "fail-later" };

static void put_request(unsigned kind, unsigned client, unsigned serial, size_t len)
{
	put("%s ", requests[kind].method);
	if (requests[kind].has_path)
		put("/%s?n=%u-%u", paths[len % 8], client, serial);
	else
		put("%s/c%u/%u", requests[kind].is_absolute ? "http://weir" : "", client, serial);
	put(" HTTP/1.%c\r\nHost: weir\r\n%s", requests[kind].is_old ? '0' : '1',
	    requests[kind].fields);
	put_body(requests[kind].body, len);
}

/* The responses, and what the node does behind them. */
static const struct {
	const char *line, *fields;
	enum body body;
	bool is_last, is_broken;
	const char *behind;
} responses[16] = {
	{ "1 200 OK", "", COUNTED, false, false, "" },
	{ "1 200 OK", "", CHUNKED, false, false, "" },
	{ "1 200 OK", "", TO_THE_END, true, false, "" },
	{ "1 204 No Content", "X-A: 1\r\n", NO_BODY, false, false, "" },
	{ "1 304 Not Modified", "", ONLY_COUNTED, false, false, "" },
	{ "1 100 Continue", "X-A: 1\r\n", NO_BODY, false, false, "" },
	{ "1 103 Early Hints", "X-A: 1\r\n", NO_BODY, false, false, "" },
	{ "1 101 Switching Protocols", "Connection: Upgrade\r\nUpgrade: x\r\n", TO_THE_END, false,
	  false, "" },
	{ "1 200 OK", "Connection: close\r\n", COUNTED, true, false, "" },
	{ "1 200 OK", "", TRAILED, false, false, "" },
	{ "0 200 OK", "Connection: keep-alive\r\n", COUNTED, false, false, "" },
	{ "1 404 Not Found", "", COUNTED, false, false, "" },
	{ "1 200 OK", "Content-Length: 5\r\n", CHUNKED, false, false, "" },
	{ "1 200 OK", "", ONE_TOO_MANY, true, false, "" },
	{ "1 200 OK", "", COUNTED, false, false,
	  "\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno" },
	{ "1 200 OK", "", TO_THE_END, false, true, "" },
};

static void put_response(unsigned kind, size_t len)
{
	put("HTTP/1.%s\r\n%s", responses[kind].line, responses[kind].fields);
	put_body(responses[kind].body, len);
	put("%s", responses[kind].behind);
}

/* ---- acts
 * -------------------------------------------------------------------------------------------------
 */

/* The client, connected if it has not been; NULL when it can say no more. */
static struct client *client_of(struct script *s, unsigned number)
{
	struct client *c = &peers.clients[number % PEERS_CLIENTS];
	struct model_message m;
	if (c->wire == NULL)
		c->wire = kernel_connect(s->listen_fds[c->server], &c->address);
	if (c->wire == NULL || c->wire->is_ended || c->wire->is_broken)
		return NULL;
	return peers_read_request(c, REQUESTS_MOST, &m) ? NULL : c;
}

static void send_raw(struct script *s, unsigned argument)
{
	struct slice bytes = take_text(s);
	struct client *c = client_of(s, argument);
	if (c != NULL)
		kernel_send(c->wire, bytes.at, bytes.len);
}

static void send_request(struct script *s, unsigned argument)
{
	unsigned kind = take(s);
	size_t len = body_length(s, argument & 8);
	struct client *c = client_of(s, argument & 3);
	text_len = 0;
	put_request(kind % 16, argument & 3, s->serial++, len);
	if (c != NULL)
		kernel_send(c->wire, text, text_len);
}

static void queue_raw(struct script *s, unsigned argument)
{
	struct slice bytes = take_text(s);
	struct answer *a = peers_add_answer(bytes.at, bytes.len);
	a->is_last = argument & 1;
	a->is_early = argument & 2;
}

static void queue_response(struct script *s, unsigned argument)
{
	unsigned kind = take(s) % 16;
	size_t len = body_length(s, argument & 8);
	text_len = 0;
	put_response(kind, len);
	struct answer *a = peers_add_answer(text, text_len);
	a->is_last = responses[kind].is_last || (argument & 1);
	a->is_broken = responses[kind].is_broken;
	a->is_early = argument & 2;
}

static void end_client(struct script *s, unsigned argument)
{
	struct client *c = client_of(s, argument);
	if (c == NULL)
		return;
	c->wire->is_ended = true;
	kernel.moves++;
}

static void break_client(struct script *s, unsigned argument)
{
	struct client *c = client_of(s, argument);
	peers.is_calm = false;
	if (c != NULL)
		kernel_break(c->wire, ECONNRESET);
}

/* One of the connections to nodes that are open. */
static struct wire *node_of(unsigned number)
{
	struct wire *open[KERNEL_WIRES];
	unsigned count = 0;
	for (unsigned i = 0; i < kernel.wire_count; i++)
		if (!kernel.wires[i].is_client && kernel.wires[i].fd != -1)
			open[count++] = &kernel.wires[i];
	return count == 0 ? NULL : open[number % count];
}

static void end_node(unsigned argument)
{
	struct wire *wire = node_of(argument & 7);
	if (wire == NULL)
		return;
	peers.is_calm = false;
	wire->is_ended = true;
	wire->is_gone = argument & 8;
	kernel.moves++;
}

static void break_node(unsigned argument)
{
	struct wire *wire = node_of(argument);
	peers.is_calm = false;
	if (wire != NULL)
		kernel_break(wire, ECONNRESET);
}

static void node_speaks(struct script *s, unsigned argument)
{
	struct slice bytes = take_text(s);
	struct wire *wire = node_of(argument);
	/* what is said to a request is an answer, and those come from the queue, with a mark */
	if (wire == NULL || wire->is_ended || wire->is_broken || peers_is_asked(wire))
		return;
	peers.is_calm = false;
	kernel_send(wire, bytes.at, bytes.len);
}

static void pass_time(struct script *s, unsigned argument)
{
	static const unsigned milliseconds[] = { 1, 10, 100, 1000, 2500, 10000, 60000, 400000 };
	kernel.now += milliseconds[argument & 7] * 1000ull;
	peers.is_calm &= kernel.now < s->calm_until;
	s->has_time_passed = true;
}

static void set_window(struct script *s, unsigned argument)
{
	size_t window = take(s);
	struct wire *node = node_of(argument & 3);
	if (argument & 8)
		peers.window = window * 8;
	else if ((argument & 4) && node != NULL)
		node->window = window * 8;
	else if (peers.clients[argument % PEERS_CLIENTS].wire != NULL)
		peers.clients[argument % PEERS_CLIENTS].wire->window = window * 8;
	kernel.moves++;
}

static void choose_server(unsigned argument)
{
	struct client *c = &peers.clients[(argument & 3) % PEERS_CLIENTS];
	if (c->wire == NULL)
		c->server = (argument >> 2) % PEERS_SERVERS;
}

static void give_turns(struct script *s, unsigned argument)
{
	s->turns = argument / 2 + 1;
	s->is_reversed = argument & 1;
	s->told = take(s) * 0x0101010101010101u;
}

static void set_pieces(unsigned argument)
{
	if (argument & 8)
		peers.piece = pieces[argument & 7];
	else
		for (unsigned i = 0; i < PEERS_CLIENTS; i++)
			peers.clients[i].piece = pieces[argument & 7];
}

void script_start(struct script *s, const uint8_t *bytes, size_t len, const int *listen_fds)
{
	*s = (struct script){ .at = bytes, .len = len, .listen_fds = listen_fds };
	s->calm_until = kernel.now + 1000000; /* before any time-out of ours */
	uint8_t settings = take(s);
	s->runs_till_quiet = settings & 1;
	peers.holds = settings & 2;
	s->is_reversed = settings & 4;
	set_pieces(settings >> 3 & 7);
	for (unsigned i = 0; i < PEERS_CLIENTS; i++)
		peers.clients[i].server = (settings >> 6) % PEERS_SERVERS;
}

bool script_step(struct script *s)
{
	if (s->len == 0)
		return false;
	uint8_t act = take(s);
	unsigned argument = act >> 4;
	switch (act & 15) {
	case 0:
		send_raw(s, argument);
		break;
	case 1:
		send_request(s, argument);
		break;
	case 2:
		queue_raw(s, argument);
		break;
	case 3:
		queue_response(s, argument);
		break;
	case 4:
		end_client(s, argument);
		break;
	case 5:
		break_client(s, argument);
		break;
	case 6:
		end_node(argument);
		break;
	case 7:
		break_node(argument);
		break;
	case 8:
		pass_time(s, argument);
		break;
	case 9:
		give_turns(s, argument);
		break;
	case 10:
		set_window(s, argument);
		break;
	case 11:
		set_pieces(argument);
		break;
	case 12:
		peers.dial = argument & 3;
		break;
	case 13:
		peers.holds = argument & 1;
		break;
	case 14:
		node_speaks(s, argument);
		break;
	case 15:
		choose_server(argument);
		break;
	}
	return true;
}

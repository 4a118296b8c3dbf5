/* SPDX-License-Identifier: Apache-2.0 */
#include "test/test_peer.h"

#include "base/check.h"
#include "base/memory.h"
#include "http/http_body.h"
#include "net/proxy_header.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* What one end takes in all. */
#define IN_MOST (64u << 20)

static const struct http_limits limits = {
	.line_bytes = 1u << 20,
	.head_bytes = 4u << 20,
	.fields = 10000,
	.trailer_bytes = 1u << 20,
	.chunk_extension_bytes = 4096,
};

struct test_reply {
	struct test_reply *next;
	struct slice bytes;
	bool closes;
};

void test_peers_init(struct test_peers *p, struct arena *arena)
{
	*p = (struct test_peers){ .arena = arena };
	TAILQ_INIT(&p->nodes);
	table_init(&p->scripts);
	p->last_request = &p->requests;
}

static void close_client(struct test_peers *p)
{
	if (!p->has_client)
		return;
	stream_close(&p->client.stream);
	buf_release(&p->client.in);
	p->has_client = false;
}

void test_peers_release(struct test_peers *p)
{
	struct test_peer *node;
	while ((node = TAILQ_FIRST(&p->nodes)) != NULL) {
		TAILQ_REMOVE(&p->nodes, node, next);
		stream_close(&node->stream);
		buf_release(&node->in);
		free(node);
	}
	close_client(p);
	table_release(&p->scripts, NULL);
}

/* ---- what nodes answer --------------------------------------------------------------------------- */

static struct test_script *script_of(struct test_peers *p, struct slice address)
{
	struct test_script *script = table_get(&p->scripts, address);
	if (script != NULL)
		return script;
	script = arena_new(p->arena, sizeof *script);
	table_set(&p->scripts, address, script);
	return script;
}

void test_peers_forget(struct test_peers *p)
{
	table_release(&p->scripts, NULL);
	table_init(&p->scripts);
	p->requests = NULL;
	p->last_request = &p->requests;
}

void test_peers_refuse(struct test_peers *p, struct slice address)
{
	script_of(p, address)->refuses = true;
}

void test_peers_reply(struct test_peers *p, struct slice address, struct slice bytes, bool closes)
{
	struct test_script *script = script_of(p, address);
	struct test_reply *reply = arena_new(p->arena, sizeof *reply), **last = &script->first;
	*reply = (struct test_reply){ NULL, arena_copy(p->arena, bytes), closes };
	while (*last != NULL)
		last = &(*last)->next;
	*last = reply;
}

static struct test_script *script_for(struct test_peers *p, const struct addr *address)
{
	char text[ADDR_TEXT_BYTES];
	struct test_script *script = table_get(&p->scripts,
					       slice_of_string(addr_format(address, text)));
	return script != NULL ? script : script_of(p, SLICE(""));
}

/* The next of its answers; those to HEAD end behind the head. */
static const struct test_reply *next_reply(struct test_script *script)
{
	if (script->current == NULL)
		script->current = script->first;
	else if (script->current->next != NULL)
		script->current = script->current->next;
	return script->current;
}

static void answer(struct test_peer *node, const struct http_request *request)
{
	struct test_script *script = script_for(node->peers, &node->address);
	if (script->first == NULL) /* it was given a state, but nothing to say */
		script = script_of(node->peers, SLICE(""));
	const struct test_reply *reply = next_reply(script);
	if (reply == NULL)
		return;
	struct slice bytes = reply->bytes;
	const char *end = memmem(bytes.at, bytes.len, "\r\n\r\n", 4);
	if (request->method_id == HTTP_METHOD_HEAD && end != NULL)
		bytes.len = (size_t)(end - bytes.at) + 4;
	stream_write_slice(&node->stream, bytes);
	if (reply->closes)
		stream_shut(&node->stream);
}

/* ---- messages ------------------------------------------------------------------------------------ */

/* The body at the start of `in`; false while it is not whole. `ended`: nothing more will come. */
static bool take_body(struct test_peers *p, struct slice in, enum http_body_kind kind,
		      uint64_t length, bool ended, size_t *used, struct slice *body)
{
	struct http_body decoder;
	enum http_reason why;
	enum http_parse result = HTTP_MORE;
	char *to = arena_alloc(p->arena, in.len + 1);
	size_t len = 0;
	*used = 0;
	http_body_init(&decoder, kind, length);
	do {
		size_t taken = 0;
		struct slice data = SLICE("");
		result = http_body_take(&decoder, slice_skip(in, *used), &limits, p->arena, &taken,
					&data, &why);
		if (data.len > 0)
			memcpy(to + len, data.at, data.len);
		len += data.len;
		*used += taken;
	} while (result == HTTP_MORE && *used < in.len);
	if (result == HTTP_MORE && ended)
		result = http_body_end(&decoder);
	http_body_release(&decoder);
	*body = slice_of(to, len);
	return result == HTTP_DONE;
}

/* A pool with `proxy_protocol` begins a connection with a header; most begin with a request. */
static void take_proxy_header(struct test_peer *node)
{
	struct proxy_header header;
	enum proxy_fault why;
	size_t used;
	if (node->answered > 0 ||
	    proxy_header_parse(buf_slice(&node->in), &header, &used, &why) != PROXY_DONE)
		return;
	node->answered = used;
	node->client = header.source;
	node->destination = header.dest;
}

static bool take_request(struct test_peer *node)
{
	struct test_peers *p = node->peers;
	take_proxy_header(node);
	struct slice in = slice_skip(buf_slice(&node->in), node->answered), body = SLICE("");
	struct http_head_scan scan = { 0 };
	struct http_request head;
	size_t used = 0, body_used = 0;
	enum http_reason why;
	if (in.len == 0 ||
	    http_request_parse(in, &limits, p->arena, &scan, &head, &used, &why) != HTTP_DONE)
		return false;
	if (head.body != HTTP_BODY_NONE &&
	    !take_body(p, slice_skip(in, used), head.body, head.content_length, false, &body_used,
		       &body))
		return false;
	node->answered += used + body_used;
	struct test_request *request = arena_new(p->arena, sizeof *request);
	*request = (struct test_request){ .node = node->address,
					  .client = node->client,
					  .destination = node->destination,
					  .head = head,
					  .body = body };
	*p->last_request = request;
	p->last_request = &request->next;
	answer(node, &head);
	return true;
}

/* All that is there; what there is behind it: more later, the end, or a failure. */
static enum io read_all(struct test_peer *peer)
{
	char bytes[16384];
	size_t got;
	enum io result;
	while ((result = stream_read(&peer->stream, bytes, sizeof bytes, &got)) == IO_OK)
		if (!buf_append(&peer->in, slice_of(bytes, got), IN_MOST))
			peer->is_full = true;
	return result;
}

bool test_peers_client_got(struct test_peers *p, enum http_method method,
			   struct http_response *head, struct slice *body)
{
	read_all(&p->client);
	struct slice in = buf_slice(&p->client.in);
	size_t used = 0;
	do {
		struct http_head_scan scan = { 0 };
		enum http_reason why;
		in = slice_skip(in, used);
		if (in.len == 0 || http_response_parse(in, &limits, p->arena, &scan, method, head,
						       &used, &why) != HTTP_DONE)
			return false;
	} while (head->status < 200 && head->status != 101);
	in = slice_skip(in, used);
	if (head->body == HTTP_BODY_NONE || head->body == HTTP_BODY_TUNNEL) {
		*body = head->body == HTTP_BODY_NONE ? SLICE("") : arena_copy(p->arena, in);
		return true;
	}
	return take_body(p, in, head->body, head->content_length, true, &used, body);
}

/* ---- connections --------------------------------------------------------------------------------- */

static void watch(struct test_peer *peer)
{
	stream_flush(&peer->stream);
	bool may_write = peer->stream.error == 0 && !stream_is_flushed(&peer->stream);
	stream_watch(&peer->stream, true, may_write);
}

static void on_client_ready(struct stream *stream)
{
	struct test_peer *client = container_of(stream, struct test_peer, stream);
	read_all(client);
	watch(client);
}

static void on_node_ready(struct stream *stream)
{
	struct test_peer *node = container_of(stream, struct test_peer, stream);
	read_all(node);
	while (take_request(node))
		;
	watch(node);
}

/* Opens our end; the engine's is the result, -1 when there is none. */
static int open_pair(struct test_peers *p, struct test_peer *peer,
		     void (*on_ready)(struct stream *))
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == -1)
		return -1;
	peer->peers = p;
	buf_init(&peer->in);
	stream_open(&peer->stream, ends[0], on_ready);
	stream_watch(&peer->stream, true, false);
	return ends[1];
}

int test_peers_connect_client(struct test_peers *p, struct slice bytes)
{
	close_client(p);
	int fd = open_pair(p, &p->client, on_client_ready);
	if (fd == -1)
		return -1;
	p->has_client = true;
	stream_write_slice(&p->client.stream, bytes);
	watch(&p->client);
	return fd;
}

bool test_peers_client_sends(struct test_peers *p, struct slice bytes)
{
	if (!p->has_client || read_all(&p->client) != IO_WAIT)
		return false;
	buf_release(&p->client.in);
	stream_write_slice(&p->client.stream, bytes);
	watch(&p->client);
	return true;
}

enum dial_result test_peers_dial(struct test_peers *p, const struct dial *d, int *fd, int *error)
{
	p->tries++;
	if (script_for(p, &d->to)->refuses) {
		*error = ECONNREFUSED;
		return DIAL_FAILED;
	}
	struct test_peer *node = memory_new(1, sizeof *node);
	*fd = open_pair(p, node, on_node_ready);
	if (*fd == -1) {
		*error = errno;
		free(node);
		return DIAL_NO_ROOM;
	}
	node->address = d->to;
	TAILQ_INSERT_TAIL(&p->nodes, node, next);
	return DIAL_OK;
}

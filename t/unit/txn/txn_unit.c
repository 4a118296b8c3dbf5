/* SPDX-License-Identifier: Apache-2.0 */
#include "txn_unit.h"

#include "base/clock.h"
#include "net/loop.h"
#include "txn/txn_http.h"
#include "txn/txn_out.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct txn *unit_txn;

static struct conf *conf;
static struct world world;
static struct vserver vserver;
static struct session session;
static struct node_connection connection;
static int at_client, at_node;

static const char conf_text[] =
	"virtual_servers: {one: {listen: [\"127.0.0.1:8080\"], pool: web}}\n"
	"pools: {web: {nodes: [\"10.0.0.1:80\"]}}\n";

static void on_ready(struct stream *s)
{
	(void)s;
}

/* Gives the other end. */
static int open_stream(struct stream *s)
{
	int ends[2];
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	stream_open(s, ends[0], on_ready);
	return ends[1];
}

static void open_vserver(void)
{
	struct complaints complaints = { 0 };
	conf = conf_read_text("weir.yaml", slice_of_string(conf_text), &complaints);
	complaints_print(&complaints, stderr);
	cr_assert_not_null(conf);
	conf->vservers[0].rules.buffer = UNIT_RULES_BUFFER;
	world = (struct world){ .conf = conf };
	vserver = (struct vserver){ .world = &world,
				    .conf = &conf->vservers[0],
				    .http_limits = { 8192, 32768, 100, 8192, 4096, false } };
}

void unit_open(void)
{
	struct arena arena;
	alarm(30);
	signal(SIGPIPE, SIG_IGN);
	clock_update();
	loop_open();
	open_vserver();
	arena_init(&arena);
	session = (struct session){ .vserver = &vserver, .transactions = 1 };
	at_client = open_stream(&session.client);
	at_node = open_stream(&connection.stream);
	unit_txn = arena_new(&arena, sizeof *unit_txn);
	*unit_txn = (struct txn){ .arena = arena,
				  .magic = TXN_MAGIC,
				  .session = &session,
				  .vserver = &vserver,
				  .protocol = &txn_http,
				  .is_running = true,
				  .keep_client = true };
	session.txn = unit_txn;
}

void unit_close(void)
{
	struct arena arena = unit_txn->arena;
	if (unit_txn->out != NULL)
		txn_out_release(unit_txn->out);
	txn_body_release(&unit_txn->up);
	txn_body_release(&unit_txn->down);
	inbox_release(&session.inbox);
	inbox_release(&connection.inbox);
	stream_close(&session.client);
	stream_close(&connection.stream);
	arena_release(&arena);
	arena_drop_spares();
	close(at_client);
	close(at_node);
	conf_free(conf);
	loop_close();
}

/* ---- messages ----------------------------------------------------------------------------------- */

void unit_request(const char *head)
{
	struct txn *t = unit_txn;
	struct http_head_scan scan = { 0 };
	struct slice in = arena_copy(&t->arena, slice_of_string(head));
	enum http_reason why;
	size_t used;
	cr_assert_eq(http_request_parse(in, &vserver.http_limits, &t->arena, &scan, &t->request,
					&used, &why),
		     HTTP_DONE);
	t->has_request = true;
	t->wants_head_only = t->request.method_id == HTTP_METHOD_HEAD;
}

void unit_response(const char *head)
{
	struct txn *t = unit_txn;
	struct http_head_scan scan = { 0 };
	struct slice in = arena_copy(&t->arena, slice_of_string(head));
	enum http_reason why;
	size_t used;
	cr_assert_eq(http_response_parse(in, &vserver.http_limits, &t->arena, &scan,
					 t->request.method_id, &t->response, &used, &why),
		     HTTP_DONE);
	t->has_response = true;
	t->connection = &connection;
}

static void say(int end, struct stream *s, const char *text)
{
	cr_assert_eq(send(end, text, strlen(text), 0), (ssize_t)strlen(text));
	s->is_readable = true;
}

void unit_client_says(const char *text)
{
	say(at_client, &session.client, text);
}

void unit_node_says(const char *text)
{
	say(at_node, &connection.stream, text);
}

static void finish(int end, struct stream *s)
{
	cr_assert_eq(shutdown(end, SHUT_WR), 0);
	s->is_readable = true;
}

void unit_client_ends(void)
{
	finish(at_client, &session.client);
}

void unit_node_ends(void)
{
	finish(at_node, &connection.stream);
}

static const char *hear(int end)
{
	static char text[1 << 20];
	size_t len = 0;
	ssize_t got;
	while ((got = recv(end, text + len, sizeof text - 1 - len, MSG_DONTWAIT)) > 0)
		len += (size_t)got;
	text[len] = '\0';
	return text;
}

const char *unit_client_hears(void)
{
	return hear(at_client);
}

const char *unit_node_hears(void)
{
	return hear(at_node);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "test/test_engine.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/memory.h"
#include "test/test_case.h"

#include <stdlib.h>
#include <time.h>

/* Texts that a case may say of itself. */
#define REASON_BYTES 2000
#define SECONDS_MOST 253402300799   /* the year 9999 */
#define PASS_SECONDS_MOST 315360000 /* ten years */

static uint64_t microseconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000;
}

static struct test_engine *engine_of(struct rule_call *call)
{
	return rule_call_subject(call);
}

/* The case that is open; calls without one are a mistake of lua/test.lua or of who goes around it. */
static struct test_case *case_of(struct rule_call *call)
{
	struct test_engine *e = engine_of(call);
	if (e->open == NULL)
		rule_error(call, "no case is open");
	return e->open;
}

static void close_case(struct test_engine *e)
{
	if (e->open != NULL)
		test_case_close(e->open);
	free(e->open);
	e->open = NULL;
}

/* ---- opening and closing ------------------------------------------------------------------------- */

/* All complaints as lines of text; those about the text that the test made have no place. */
static void write_reason(const struct complaints *complaints, bool has_file, char *to)
{
	size_t used = 0;
	*to = '\0';
	for (size_t i = 0; i < complaints->count && used < REASON_BYTES - 1; i++) {
		const struct complaint *c = &complaints->list[i];
		bool is_rule = strlen(c->file) > 4 &&
			       strcmp(c->file + strlen(c->file) - 4, ".lua") == 0;
		if (c->is_warning)
			continue;
		const char *between = used > 0 ? "\n" : "";
		int len = c->line > 0 && (is_rule || has_file)
				  ? snprintf(to + used, REASON_BYTES - used, "%s%s:%u:%u: %s",
					     between, c->file, c->line, c->column, c->text)
				  : snprintf(to + used, REASON_BYTES - used, "%s%s", between,
					     c->text);
		used += (size_t)len;
	}
}

static enum rule_answer open_case(struct rule_call *call)
{
	struct test_engine *e = engine_of(call);
	struct complaints complaints = { 0 };
	char reason[REASON_BYTES];
	struct slice text = SLICE_ABSENT, vserver = SLICE_ABSENT;
	if (!rule_argument_is_absent(call, 1))
		text = rule_argument_string(call, 1);
	if (!rule_argument_is_absent(call, 2))
		vserver = rule_argument_string(call, 2);
	if (e->open != NULL)
		rule_error(call, "a case is open already");
	e->since = microseconds();
	e->open = memory_new(1, sizeof *e->open);
	bool has_file = slice_is_absent(text);
	bool is_open = test_case_open(e->open, has_file ? e->config : "test.yaml", text, vserver,
				      &complaints);
	write_reason(&complaints, has_file, reason);
	complaints_release(&complaints);
	if (!is_open)
		close_case(e);
	rule_push_boolean(call, is_open);
	rule_push_string(call, slice_of_string(reason));
	return RULE_RETURN;
}

static enum rule_answer close_open_case(struct rule_call *call)
{
	close_case(engine_of(call));
	return RULE_RETURN;
}

/* ---- chance and time ------------------------------------------------------------------------------ */

static enum rule_answer set_seed(struct rule_call *call)
{
	int64_t seed = rule_argument_integer(call, 1, 0, UINT32_MAX);
	test_case_seed(case_of(call), (uint32_t)seed);
	return RULE_RETURN;
}

static enum rule_answer set_time(struct rule_call *call)
{
	int64_t seconds = rule_argument_integer(call, 1, 1, SECONDS_MOST);
	case_of(call);
	clock_stop_wall((uint64_t)seconds * 1000000);
	return RULE_RETURN;
}

static enum rule_answer passed(struct rule_call *call)
{
	(void)call;
	return RULE_RETURN;
}

static enum rule_answer pass_time(struct rule_call *call)
{
	double seconds = rule_argument_number(call, 1);
	if (!(seconds >= 0 && seconds <= PASS_SECONDS_MOST))
		rule_argument_error(call, 1, "expected seconds from 0 to %d", PASS_SECONDS_MOST);
	case_of(call);
	engine_of(call)->task = TEST_TASK_PASS;
	engine_of(call)->milliseconds = (uint64_t)(seconds * 1000);
	rule_wait(call, passed);
	return RULE_WAIT;
}

static enum rule_answer forget(struct rule_call *call)
{
	test_case_forget(case_of(call));
	return RULE_RETURN;
}

static enum rule_answer set_node(struct rule_call *call)
{
	struct slice address = rule_argument_string(call, 1), state = rule_argument_string(call, 2);
	struct addr parsed;
	if (!addr_parse(address, &parsed))
		rule_argument_error(call, 1, "expected address:port, got '%.*s'",
				    SLICE_PRINT(address));
	rule_push_boolean(call, test_case_set_node(case_of(call), address, state));
	return RULE_RETURN;
}

static enum rule_answer add_reply(struct rule_call *call)
{
	test_peers_reply(&case_of(call)->peers, rule_argument_string(call, 1),
			 rule_argument_string(call, 2), rule_argument_boolean(call, 3));
	return RULE_RETURN;
}

static enum rule_answer add_answered(struct rule_call *call)
{
	rule_push_boolean(call, test_case_answers(case_of(call), rule_argument_string(call, 1)));
	return RULE_RETURN;
}

/* ---- what became of it --------------------------------------------------------------------------- */

static void put(struct rule_build *build, const char *key, struct rule_value value)
{
	struct rule_value name = { .type = RULE_VALUE_STRING, .string = slice_of_string(key) };
	rule_build_key(build, &name);
	rule_build_value(build, &value);
}

static void put_text(struct rule_build *build, const char *key, struct slice text)
{
	if (!slice_is_absent(text))
		put(build, key, (struct rule_value){ .type = RULE_VALUE_STRING, .string = text });
}

static void put_number(struct rule_build *build, const char *key, double number)
{
	put(build, key, (struct rule_value){ .type = RULE_VALUE_NUMBER, .number = number });
}

static void open_list(struct rule_build *build, const char *key)
{
	struct rule_value name = { .type = RULE_VALUE_STRING, .string = slice_of_string(key) };
	rule_build_key(build, &name);
	check(rule_build_open(build, RULE_TABLE_ARRAY));
}

static void put_fields(struct rule_build *build, const struct http_fields *fields)
{
	open_list(build, "headers");
	for (unsigned i = 0; i < fields->count; i++) {
		check(rule_build_open(build, RULE_TABLE_HASH));
		put_text(build, "name", fields->at[i].name);
		put_text(build, "value", fields->at[i].value);
		rule_build_close(build);
	}
	rule_build_close(build);
}

static void put_requests(struct rule_build *build, const struct test_request *request)
{
	char text[ADDR_TEXT_BYTES];
	open_list(build, "requests");
	for (; request != NULL; request = request->next) {
		check(rule_build_open(build, RULE_TABLE_HASH));
		put_text(build, "node", slice_of_string(addr_format(&request->node, text)));
		if (request->client.family != ADDR_NONE) {
			put_text(build, "client",
				 slice_of_string(addr_format(&request->client, text)));
			put_text(build, "destination",
				 slice_of_string(addr_format(&request->destination, text)));
		}
		put_text(build, "method", request->head.method);
		put_text(build, "url", request->head.target);
		put_text(build, "body", request->body);
		put_fields(build, &request->head.fields);
		rule_build_close(build);
	}
	rule_build_close(build);
}

static void put_lines(struct rule_build *build, const char *key, const struct test_line *line)
{
	static const char *const levels[] = { [LOG_DEBUG] = "debug",
					      [LOG_INFO] = "info",
					      [LOG_WARN] = "warn",
					      [LOG_ERROR] = "error",
					      [LOG_AUDIT] = "audit" };
	open_list(build, key);
	for (; line != NULL; line = line->next) {
		check(rule_build_open(build, RULE_TABLE_HASH));
		put_text(build, "level", slice_of_string(levels[line->level]));
		put_text(build, "text", line->text);
		rule_build_close(build);
	}
	rule_build_close(build);
}

static void put_note(struct rule_build *build, const struct test_note *note)
{
	char text[ADDR_TEXT_BYTES];
	put_text(build, "pool", slice_of_string(note->pool));
	put_text(build, "outcome", slice_of_string(txn_end_word(note->end)));
	put_text(build, "rule", slice_of_string(note->verdict_rule));
	put_number(build, "line", note->verdict_line);
	put_number(build, "tries", note->tries);
	if (note->node.family != ADDR_NONE)
		put_text(build, "node", slice_of_string(addr_format(&note->node, text)));
	if (note->source.family != ADDR_NONE)
		put_text(build, "source", slice_of_string(addr_format_ip(&note->source, text)));
}

static void push_got(struct rule_call *call, struct test_case *c)
{
	struct rule_build build;
	struct http_response head;
	struct slice body;
	rule_build_start(&build, call);
	check(rule_build_open(&build, RULE_TABLE_HASH));
	put_note(&build, &c->note);
	put_requests(&build, c->peers.requests);
	put_lines(&build, "lines", c->lines);
	put_lines(&build, "unanswered", c->unanswered);
	if (test_peers_client_got(&c->peers, c->note.method, &head, &body)) {
		put_number(&build, "status", head.status);
		put_text(&build, "reason", head.reason);
		put_text(&build, "body", body);
		put_fields(&build, &head.fields);
	}
	rule_build_close(&build);
}

/* What the last task led to, for lua/test.lua. */
static enum rule_answer tell(struct rule_call *call)
{
	struct test_engine *e = engine_of(call);
	struct test_case *c = e->open;
	switch (e->event) {
	case TEST_EVENT_CALL:
		rule_push_string(call, SLICE("call"));
		rule_push_string(call, slice_of_string(c->asked));
		rule_push_string(call, slice_of_string(c->place));
		test_values_push(&c->values, call);
		return RULE_RETURN;
	case TEST_EVENT_DONE:
		rule_push_string(call, SLICE("done"));
		push_got(call, c);
		return RULE_RETURN;
	case TEST_EVENT_STUCK:
		rule_push_string(call, SLICE("stuck"));
		push_got(call, c);
		return RULE_RETURN;
	case TEST_EVENT_NONE:
		break;
	}
	check(!"something happened");
	return RULE_RETURN;
}

/* ---- running ------------------------------------------------------------------------------------- */

/* An address that a client or a connection can have: with a port, or without (then `port`). */
static struct addr address_argument(struct rule_call *call, unsigned n, uint16_t port)
{
	struct addr a;
	struct slice text = rule_argument_string(call, n);
	if (addr_parse(text, &a))
		return a;
	if (!addr_parse_ip(text, &a))
		rule_argument_error(call, n,
				    "expected an IP address, with or without a port,"
				    " got '%.*s'",
				    SLICE_PRINT(text));
	a.port = port;
	return a;
}

static enum rule_answer send_request(struct rule_call *call)
{
	struct test_engine *e = engine_of(call);
	struct test_case *c = case_of(call);
	struct slice bytes = rule_argument_string(call, 1);
	struct addr client = address_argument(call, 2, 40000);
	struct session_origin origin = { .dest = address_argument(call, 3, 80),
					 .local = address_argument(call, 4, 80) };
	e->on_same_connection = rule_argument_boolean(call, 5);
	e->bytes = arena_copy(&c->arena, bytes);
	e->client = client;
	e->origin = origin;
	e->task = TEST_TASK_SEND;
	rule_wait(call, tell);
	return RULE_WAIT;
}

static enum rule_answer answer(struct rule_call *call)
{
	struct test_engine *e = engine_of(call);
	struct test_case *c = case_of(call);
	if (e->event != TEST_EVENT_CALL)
		rule_error(call, "nobody has asked");
	test_values_release(&c->values);
	test_values_init(&c->values);
	for (unsigned i = 1; i <= rule_argument_count(call); i++)
		test_values_add_argument(&c->values, call, i);
	e->task = TEST_TASK_ANSWER;
	rule_wait(call, tell);
	return RULE_WAIT;
}

void test_engine_work(struct test_engine *e)
{
	check(e->open != NULL && e->task != TEST_TASK_NONE);
	if (e->task == TEST_TASK_SEND && e->on_same_connection)
		e->event = test_case_send_more(e->open, e->bytes);
	else if (e->task == TEST_TASK_SEND)
		e->event = test_case_send(e->open, e->bytes, &e->client, &e->origin);
	else if (e->task == TEST_TASK_ANSWER)
		e->event = test_case_answer(e->open);
	else
		test_case_pass(e->open, e->milliseconds);
	e->task = TEST_TASK_NONE;
}

void test_engine_end(struct test_engine *e)
{
	close_case(e);
}

/* ---- telling the person -------------------------------------------------------------------------- */

static enum rule_answer report(struct rule_call *call)
{
	struct test_engine *e = engine_of(call);
	struct slice name = rule_argument_string(call, 1), place = rule_argument_string(call, 2);
	struct slice failure = SLICE_ABSENT;
	if (!rule_argument_is_absent(call, 3))
		failure = rule_argument_string(call, 3);
	test_report_case(e->report, e->path, name, place, failure, microseconds() - e->since);
	e->cases++;
	return RULE_RETURN;
}

static enum rule_answer get_place(struct rule_call *call)
{
	char place[4200];
	rule_call_place(call, place, sizeof place);
	rule_push_string(call, slice_of_string(place));
	return RULE_RETURN;
}

static enum rule_answer get_rules_dir(struct rule_call *call)
{
	rule_push_string(call, slice_of_string(engine_of(call)->rules_dir));
	return RULE_RETURN;
}

static enum rule_answer has_config(struct rule_call *call)
{
	rule_push_boolean(call, engine_of(call)->config != NULL);
	return RULE_RETURN;
}

static enum rule_answer status_words(struct rule_call *call)
{
	int64_t status = rule_argument_integer(call, 1, 100, 999);
	rule_push_string(call, slice_of_string(http_status_words((unsigned)status)));
	return RULE_RETURN;
}

/* clang-format off */
static const struct rule_function rows[] = {
	{ "engine.open", open_case, RULE_IN_ANY, "configuration?: string, virtual_server?: string",
	  "boolean, string", "Opens a case; false and why if it cannot.", "weir" },
	{ "engine.close", close_open_case, RULE_IN_ANY, "", "", "Closes it.", "weir" },
	{ "engine.seed", set_seed, RULE_IN_ANY, "seed: integer", "", "What math.random gives.", "weir" },
	{ "engine.time", set_time, RULE_IN_ANY, "time: integer", "",
	  "The wall clock stands at so many seconds since 1970.", "weir" },
	{ "engine.pass", pass_time, RULE_IN_ANY | RULE_WAITS, "seconds: number", "", "So much time passes.", "weir" },
	{ "engine.forget", forget, RULE_IN_ANY, "", "",
	  "Forgets what was seen of a request, and what nodes answer.", "weir" },
	{ "engine.node", set_node, RULE_IN_ANY, "address: string, state: string", "boolean",
	  "Sets a node's state; false for an unknown one.", "weir" },
	{ "engine.reply", add_reply, RULE_IN_ANY, "address: string, bytes: string, closes: boolean",
	  "", "What a node answers next; without an address, all others.", "weir" },
	{ "engine.answers", add_answered, RULE_IN_ANY, "name: string", "boolean",
	  "The test answers this function; false if there is none.", "weir" },
	{ "engine.send", send_request, RULE_IN_ANY | RULE_WAITS,
	  "bytes: string, client: string, destination: string, accepted: string, again: boolean",
	  "string, any",
	  "Sends the request; what happens first: \"call\", function, place, arguments; or \"done\" "
	  "or \"stuck\" and what was seen.", "weir" },
	{ "engine.answer", answer, RULE_IN_ANY | RULE_WAITS, "...: any", "string, any",
	  "Answers a call, and as engine.send.", "weir" },
	{ "engine.report", report, RULE_IN_ANY, "name: string, place: string, failure?: string", "",
	  "The case is over.", "weir" },
	{ "engine.place", get_place, RULE_IN_ANY, "", "string", "FILE:LINE of the caller.", "weir" },
	{ "engine.rulesDirectory", get_rules_dir, RULE_IN_ANY, "", "string", "Where rules are.",
	  "weir" },
	{ "engine.hasConfiguration", has_config, RULE_IN_ANY, "", "boolean",
	  "Whether a file was given.", "weir" },
	{ "engine.statusWords", status_words, RULE_IN_ANY, "status: number", "string",
	  "The standard's words for it.", "weir" },
};
/* clang-format on */

const struct rule_function *test_engine_functions(size_t *count)
{
	*count = sizeof rows / sizeof *rows;
	return rows;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin_follow.h"

#include "admin/admin_errand.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 100

static volatile sig_atomic_t is_interrupted;

static void on_interrupt(int signal_number)
{
	(void)signal_number;
	is_interrupted = 1;
}

static void add_wish(json_t *wishes, const char *key, const char *value)
{
	if (value != NULL)
		json_object_set_new(wishes, key, json_string(value));
}

/* The number of a new trace; 0, and said why, when there is none. */
static json_int_t begin(struct errand *errand, const struct admin_follow *what)
{
	json_t *wishes = json_object();
	add_wish(wishes, "client", what->client);
	add_wish(wishes, "host", what->host);
	add_wish(wishes, "rule", what->rule);
	char *body = json_dumps(wishes, 0);
	json_decref(wishes);
	json_t *answer = admin_errand_ask(errand, "POST", "/api/v1/trace",
					  slice_of_string(body == NULL ? "" : body), NULL, NULL);
	json_int_t number = json_integer_value(json_object_get(answer, "trace"));
	json_decref(answer);
	free(body);
	return number;
}

static const char *text_of(const json_t *line, const char *key)
{
	const char *text = json_string_value(json_object_get(line, key));
	return text == NULL ? "-" : text;
}

static void print_line(const json_t *line, bool as_json)
{
	if (as_json) {
		json_dumpf(line, stdout, JSON_COMPACT);
		fputs("\n", stdout);
		return;
	}
	printf("%-8s %9lld us  %-10s %s\n", text_of(line, "transaction"),
	       (long long)json_integer_value(json_object_get(line, "microseconds")),
	       text_of(line, "what"), text_of(line, "text"));
}

/* Prints what is new; true when so many transactions have ended. */
static bool print_new(const json_t *answer, const struct admin_follow *what, unsigned long *ended)
{
	const json_t *lines = json_object_get(answer, "lines");
	long long lost = json_integer_value(json_object_get(answer, "lost"));
	for (size_t i = 0; i < json_array_size(lines); i++) {
		const json_t *line = json_array_get(lines, i);
		print_line(line, what->as_json);
		if (strcmp(text_of(line, "what"), "end") == 0 && ++*ended == what->most)
			return true;
	}
	if (lost > 0)
		fprintf(stderr, "weir: %lld lines were lost: there are more than can be followed\n",
			lost);
	return false;
}

static bool follow(struct errand *errand, const char *target, const struct admin_follow *what)
{
	unsigned long ended = 0;
	bool is_over = false;
	while (!is_over && is_interrupted == 0) {
		json_t *answer = admin_errand_ask(errand, "GET", target, SLICE_ABSENT, NULL, NULL);
		if (answer == NULL)
			return false;
		is_over = print_new(answer, what, &ended);
		is_over = fflush(stdout) != 0 || is_over; /* nobody reads us any more */
		json_decref(answer);
		if (!is_over)
			poll(NULL, 0, LOOK_MS);
	}
	json_decref(admin_errand_ask(errand, "DELETE", target, SLICE_ABSENT, NULL, NULL));
	return true;
}

bool admin_command_trace(const char *control, const struct admin_follow *what)
{
	struct errand errand;
	char target[64];
	const struct sigaction action = { .sa_handler = on_interrupt };
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	admin_errand_open(&errand, control);
	json_int_t number = begin(&errand, what);
	snprintf(target, sizeof target, "/api/v1/trace/%lld", (long long)number);
	return admin_errand_close(&errand, number != 0 && follow(&errand, target, what));
}

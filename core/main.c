/*
 * weir: the command line. Each command is one function here, which reads like what it does; the
 * work is done in the rooms below.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin_command.h"
#include "admin/admin_follow.h"
#include "admin/admin_recent.h"
#include "api/api.h"
#include "base/complaint.h"
#include "conf/conf.h"
#include "proc/lint.h"
#include "proc/start.h"
#include "rule/rule_file.h"
#include "test/test.h"
#include "txn/refusal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VERSION "0.1.0"

enum status { STATUS_FINE = 0, STATUS_FAILED = 1, STATUS_USAGE = 2 };

/* `words` and `word_count` are what follows the command's name. */
struct command {
	const char *name;
	const char *arguments;
	const char *purpose;
	int (*run)(char **words, int word_count);
};

static int run_run(char **words, int word_count);
static int run_check(char **words, int word_count);
static int run_test(char **words, int word_count);
static int run_status(char **words, int word_count);
static int run_reload(char **words, int word_count);
static int run_stop(char **words, int word_count);
static int run_trace(char **words, int word_count);
static int run_recent(char **words, int word_count);
static int run_clear(char **words, int word_count);
static int run_drain(char **words, int word_count);
static int run_enable(char **words, int word_count);
static int run_disable(char **words, int word_count);
static int run_reference(char **words, int word_count);
static int run_version(char **words, int word_count);
static int run_help(char **words, int word_count);

static const struct command commands[] = {
	{ "run", "[-c FILE]", "run in the foreground", run_run },
	{ "check", "[-c FILE]", "check configuration and rules, and say all that is wrong",
	  run_check },
	{ "test", "[-c FILE] [OPTIONS] [PATH ...]", "run the tests of rules, offline", run_test },
	{ "status", "[WHICH] [--json]", "say what a running weir does", run_status },
	{ "reload", "[WHICH]", "have a running weir use its rules as they are now", run_reload },
	{ "stop", "[WHICH]", "let a running weir finish its transactions and end", run_stop },
	{ "trace", "[WHICH] [FILTER ...] [-n N]",
	  "follow transactions: FILTER is --client IP, --host NAME or --rule NAME", run_trace },
	{ "recent", "[WHICH] [-n N] [--json]", "say which connections ended last", run_recent },
	{ "clear", "[WHICH]", "empty the web cache", run_clear },
	{ "drain", "[WHICH] [--pool NAME] NODE ...",
	  "give nodes (address:port) no new transactions; those under way finish", run_drain },
	{ "enable", "[WHICH] [--pool NAME] NODE ...", "use nodes again", run_enable },
	{ "disable", "[WHICH] [--pool NAME] NODE ...", "take nodes out of use", run_disable },
	{ "reference", "config|schema|rules|refusals|stubs",
	  "print what there is to configure and to call", run_reference },
	{ "version", "", "print the version", run_version },
	{ "help", "", "print this", run_help },
};
#define COMMAND_COUNT (sizeof commands / sizeof *commands)

/* What `weir reference` can print. */
static const struct reference {
	const char *name;
	void (*write)(FILE *to);
} references[] = {
	{ "config", conf_write_reference }, /* Markdown */
	{ "schema", conf_write_schema },    /* JSON Schema, for editors */
	{ "rules", api_write_reference },   /* Markdown */
	{ "refusals", refusal_write_reference },
	{ "stubs", api_write_stubs }, /* LuaLS annotations, for editors */
};
#define REFERENCE_COUNT (sizeof references / sizeof *references)

/* ---- words on the command line ------------------------------------------------------------------ */

static void write_usage(FILE *to)
{
	fprintf(to, "usage: weir COMMAND\n\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(to, "  %-10s %-31s %s\n", commands[i].name, commands[i].arguments,
			commands[i].purpose);
	fprintf(to,
		"\nOptions of test: --watch --coverage --tap --junit FILE; PATH: a file or a folder of\n"
		"*.test.lua, by default the folder of the rules of FILE, or else `rules`.\n");
	fprintf(to, "\nWithout -c, FILE is conf/weir.yaml or else /etc/weir/weir.yaml.\n"
		    "WHICH weir is meant: -c FILE, whose `control:` it is, or --control PATH.\n"
		    "Exit status: 0 fine, 1 failed, 2 wrong usage.\n");
}

/* Says that `word` is no `what`, and which of `known` was meant. */
static int complain_of_word(const char *what, const char *word, const char *const *known,
			    size_t count)
{
	const char *near = complaint_nearest(word, known, count);
	fprintf(stderr, "weir: unknown %s '%s'", what, word);
	if (near != NULL)
		fprintf(stderr, "; did you mean '%s'?", near);
	fprintf(stderr, "\n\n");
	write_usage(stderr);
	return STATUS_USAGE;
}

static int complain_of_usage(const char *text, const char *word)
{
	fprintf(stderr, "weir: %s '%s'\n\n", text, word);
	write_usage(stderr);
	return STATUS_USAGE;
}

static const char *default_file(void)
{
	return access("conf/weir.yaml", F_OK) == 0 ? "conf/weir.yaml" : "/etc/weir/weir.yaml";
}

/* [-c FILE], or the default; false, and said why, when the words are something else. */
static bool take_file(char **words, int word_count, const char **file)
{
	*file = default_file();
	if (word_count == 0)
		return true;
	if (strcmp(words[0], "-c") != 0) {
		complain_of_usage("unexpected", words[0]);
		return false;
	}
	if (word_count != 2) {
		complain_of_usage(word_count == 1 ? "no file after" : "unexpected words behind",
				  word_count == 1 ? words[0] : words[1]);
		return false;
	}
	*file = words[1];
	return true;
}

/* What the words behind a command that talks to a running weir may be. */
struct request {
	const char *file;           /* -c */
	const char *control;        /* --control */
	const char *pool;           /* --pool */
	bool as_json;               /* --json */
	const char *count;          /* -n */
	struct admin_follow follow; /* --client, --host, --rule */
	char **nodes; /* the words that are no options: the first ones, after take_request */
	int node_count;
};

enum { MAY_JSON = 1, MAY_POOL = 2, MAY_NODES = 4, MAY_FOLLOW = 8, MAY_COUNT = 16 };

/* Where the word behind an option goes, or NULL when it takes none. */
static const char **place_of_value(struct request *r, const char *word, unsigned may)
{
	if (strcmp(word, "-c") == 0)
		return &r->file;
	if (strcmp(word, "--control") == 0)
		return &r->control;
	if ((may & MAY_POOL) != 0 && strcmp(word, "--pool") == 0)
		return &r->pool;
	if ((may & MAY_COUNT) != 0 && strcmp(word, "-n") == 0)
		return &r->count;
	if ((may & MAY_FOLLOW) == 0)
		return NULL;
	return strcmp(word, "--client") == 0 ? &r->follow.client
	       : strcmp(word, "--host") == 0 ? &r->follow.host
	       : strcmp(word, "--rule") == 0 ? &r->follow.rule
					     : NULL;
}

/* Takes the words apart; false, and said why, when they are something else. */
static bool take_request(struct request *r, char **words, int word_count, unsigned may)
{
	*r = (struct request){ .nodes = words };
	for (int i = 0; i < word_count; i++) {
		const char **value = place_of_value(r, words[i], may);
		if (value != NULL && (*value != NULL || i + 1 == word_count)) {
			complain_of_usage(*value != NULL ? "twice" : "nothing after", words[i]);
			return false;
		}
		if (value != NULL) {
			*value = words[++i];
		} else if ((may & MAY_JSON) != 0 && strcmp(words[i], "--json") == 0) {
			r->as_json = true;
		} else if ((may & MAY_NODES) != 0 && words[i][0] != '-') {
			words[r->node_count++] =
				words[i]; /* never ahead of what is still to read */
		} else {
			complain_of_usage("unexpected", words[i]);
			return false;
		}
	}
	if (r->file == NULL || r->control == NULL)
		return true;
	complain_of_usage("one of -c FILE and --control PATH, not both:", r->control);
	return false;
}

/* A full disk or a closed pipe must not look like success. */
static int finish_output(void)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return STATUS_FINE;
	fprintf(stderr, "weir: cannot write to 'standard output': %s\n", strerror(errno));
	return STATUS_FAILED;
}

/* ---- the commands ---------------------------------------------------------------------------------- */

static int run_run(char **words, int word_count)
{
	const char *file;
	return take_file(words, word_count, &file) ? start_run(file) : STATUS_USAGE;
}

static void print_count(size_t count, const char *noun, const char *behind)
{
	printf("%zu %s%s%s", count, noun, count == 1 ? "" : "s", behind);
}

static int run_check(char **words, int word_count)
{
	const char *file;
	if (!take_file(words, word_count, &file))
		return STATUS_USAGE;
	struct complaints complaints = { 0 };
	struct conf *conf = start_check(file, &complaints);
	if (conf != NULL)
		lint_rules(conf, &complaints);
	rule_files_forget();
	complaints_print(&complaints, stderr);
	complaints_release(&complaints);
	if (conf == NULL)
		return STATUS_FAILED;
	printf("%s: ", file);
	print_count(conf->vserver_count, "virtual server", ", ");
	print_count(conf->pool_count, "pool", ", ");
	print_count(conf->rule_count, "rule", ": no errors\n");
	conf_free(conf);
	return finish_output();
}

/* The words behind `test`; false, and said why, when they are something else. */
static bool take_test(struct test_options *o, char **words, int word_count)
{
	*o = (struct test_options){ .paths = words };
	for (int i = 0; i < word_count; i++) {
		const char **value = strcmp(words[i], "-c") == 0        ? &o->config
				     : strcmp(words[i], "--junit") == 0 ? &o->junit
									: NULL;
		if (value != NULL && (*value != NULL || i + 1 == word_count)) {
			complain_of_usage(*value != NULL ? "twice" : "nothing after", words[i]);
			return false;
		}
		if (value != NULL) {
			*value = words[++i];
		} else if (strcmp(words[i], "--tap") == 0) {
			o->as_tap = true;
		} else if (strcmp(words[i], "--coverage") == 0) {
			o->covers = true;
		} else if (strcmp(words[i], "--watch") == 0) {
			o->watches = true;
		} else if (words[i][0] != '-') {
			o->paths[o->path_count++] = words[i];
		} else {
			complain_of_usage("unexpected", words[i]);
			return false;
		}
	}
	return true;
}

/* Without a path, the rules of the file that was given have their tests beside them. */
static int run_test(char **words, int word_count)
{
	struct test_options o;
	struct conf *conf = NULL;
	char *folder = NULL;
	if (!take_test(&o, words, word_count))
		return STATUS_USAGE;
	if (o.path_count == 0) {
		struct complaints complaints = { 0 };
		conf = o.config != NULL ? conf_read(o.config, &complaints) : NULL;
		bool is_bad = complaints.errors > 0;
		complaints_print(&complaints, stderr);
		complaints_release(&complaints);
		if (is_bad)
			return STATUS_FAILED;
		folder = strdup(conf != NULL ? conf->rules_dir : "rules");
		conf_free(conf);
		o.paths = &folder;
		o.path_count = 1;
	}
	int status = test_run(&o);
	free(folder);
	int written = finish_output();
	return status != STATUS_FINE ? status : written;
}

/*
 * The control socket that is meant, to be freed; NULL, and said why, when the file that names it
 * has errors. On a machine without any file it is where a weir would have it by default.
 */
static char *find_control(const struct request *r)
{
	struct complaints complaints = { 0 };
	const char *file = r->file != NULL ? r->file : default_file();
	bool is_there = r->file != NULL || access(file, F_OK) == 0;
	if (r->control != NULL)
		return strdup(r->control);
	struct conf *conf = is_there ? conf_read(file, &complaints)
				     : conf_read_text(file, SLICE(""), &complaints);
	complaints_print(&complaints, stderr);
	complaints_release(&complaints);
	char *control = conf != NULL ? strdup(conf->control) : NULL;
	if (conf == NULL)
		fprintf(stderr, "weir: which weir is meant stands in that file; --control PATH goes"
				" without it\n");
	conf_free(conf);
	return control;
}

static int run_status(char **words, int word_count)
{
	struct request r;
	if (!take_request(&r, words, word_count, MAY_JSON))
		return STATUS_USAGE;
	char *control = find_control(&r);
	bool is_done = control != NULL && admin_command_status(control, r.as_json);
	free(control);
	return is_done ? finish_output() : STATUS_FAILED;
}

/* A command that takes no words of its own. */
static int run_plain(char **words, int word_count, bool (*command)(const char *control))
{
	struct request r;
	if (!take_request(&r, words, word_count, 0))
		return STATUS_USAGE;
	char *control = find_control(&r);
	bool is_done = control != NULL && command(control);
	free(control);
	int status = finish_output();
	return is_done ? status : STATUS_FAILED;
}

static int run_reload(char **words, int word_count)
{
	return run_plain(words, word_count, admin_command_reload);
}

static int run_clear(char **words, int word_count)
{
	return run_plain(words, word_count, admin_command_clear);
}

static int run_stop(char **words, int word_count)
{
	return run_plain(words, word_count, admin_command_stop);
}

/* What stands behind -n, 0 when nothing does; false, and said why, when that is no number from 1. */
static bool take_count(const struct request *r, unsigned long *count)
{
	char *end = "";
	*count = r->count == NULL ? 0 : strtoul(r->count, &end, 10);
	if (*end == '\0' && (r->count == NULL || (*count != 0 && *r->count != '-')))
		return true;
	complain_of_usage("no number of transactions:", r->count);
	return false;
}

static int run_recent(char **words, int word_count)
{
	struct request r;
	unsigned long most;
	if (!take_request(&r, words, word_count, MAY_JSON | MAY_COUNT) || !take_count(&r, &most))
		return STATUS_USAGE;
	char *control = find_control(&r);
	bool is_done = control != NULL && admin_command_recent(control, most, r.as_json);
	free(control);
	int status = finish_output();
	return is_done ? status : STATUS_FAILED;
}

static int run_trace(char **words, int word_count)
{
	struct request r;
	if (!take_request(&r, words, word_count, MAY_JSON | MAY_FOLLOW | MAY_COUNT) ||
	    !take_count(&r, &r.follow.most))
		return STATUS_USAGE;
	r.follow.as_json = r.as_json;
	char *control = find_control(&r);
	bool is_done = control != NULL && admin_command_trace(control, &r.follow);
	free(control);
	int status = finish_output();
	return is_done ? status : STATUS_FAILED;
}

static int set_nodes(char **words, int word_count, const char *command, const char *state)
{
	struct request r;
	if (!take_request(&r, words, word_count, MAY_POOL | MAY_NODES))
		return STATUS_USAGE;
	if (r.node_count == 0)
		return complain_of_usage("no node after", command);
	char *control = find_control(&r);
	bool is_done = control != NULL && admin_command_set_nodes(control, state, r.pool, r.nodes,
								  (size_t)r.node_count);
	free(control);
	int status = finish_output();
	return is_done ? status : STATUS_FAILED;
}

static int run_drain(char **words, int word_count)
{
	return set_nodes(words, word_count, "drain", "draining");
}

static int run_enable(char **words, int word_count)
{
	return set_nodes(words, word_count, "enable", "active");
}

static int run_disable(char **words, int word_count)
{
	return set_nodes(words, word_count, "disable", "disabled");
}

static int run_reference(char **words, int word_count)
{
	const char *names[REFERENCE_COUNT];
	for (size_t i = 0; i < REFERENCE_COUNT; i++)
		names[i] = references[i].name;
	if (word_count != 1)
		return complain_of_usage(
			"one of config, schema, rules, refusals, stubs must follow", "reference");
	for (size_t i = 0; i < REFERENCE_COUNT; i++)
		if (strcmp(words[0], references[i].name) == 0) {
			references[i].write(stdout);
			return finish_output();
		}
	return complain_of_word("reference", words[0], names, REFERENCE_COUNT);
}

static int run_version(char **words, int word_count)
{
	if (word_count > 0)
		return complain_of_usage("unexpected", words[0]);
	printf("weir " VERSION "\n");
	return finish_output();
}

static int run_help(char **words, int word_count)
{
	(void)words, (void)word_count;
	write_usage(stdout);
	return finish_output();
}

/* The spellings that every program is asked for. */
static const char *plain_name(const char *word)
{
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
		return "help";
	return strcmp(word, "--version") == 0 ? "version" : word;
}

int main(int argument_count, char **arguments)
{
	const char *names[COMMAND_COUNT];
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		names[i] = commands[i].name;
	if (argument_count < 2) {
		write_usage(stderr);
		return STATUS_USAGE;
	}
	const char *name = plain_name(arguments[1]);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(name, commands[i].name) == 0)
			return commands[i].run(arguments + 2, argument_count - 2);
	return complain_of_word("command", name, names, COMMAND_COUNT);
}

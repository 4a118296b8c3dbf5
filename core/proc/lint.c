/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/lint.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Unused (2), set and never used (3), never reached and the like (5): not names, which weir checks. */
static const char *const options[] = { "luacheck",    "--no-config", "--no-cache", "--no-color",
				       "--formatter", "plain",       "--codes",    "--only",
				       "2",           "3",           "5",          "--" };
#define OPTION_COUNT (sizeof options / sizeof *options)

/* The process, or -1; its output comes out of `*from`. */
static pid_t start(const struct conf *conf, int *from)
{
	int ends[2];
	pid_t pid = -1;
	posix_spawn_file_actions_t actions;
	if (pipe2(ends, O_CLOEXEC) == -1)
		return -1;
	const char **words = memory_new(OPTION_COUNT + conf->rule_count + 1, sizeof *words);
	memcpy(words, options, sizeof options);
	for (size_t i = 0; i < conf->rule_count; i++)
		words[OPTION_COUNT + i] = conf->rules[i].path;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (posix_spawnp(&pid, *words, &actions, NULL, (char *const *)(uintptr_t)words, environ) !=
	    0)
		pid = -1;
	posix_spawn_file_actions_destroy(&actions);
	free(words);
	close(ends[1]);
	*from = ends[0];
	return pid;
}

/* "PATH:3:7: (W211) unused variable 'x'" becomes a warning; anything else is passed over. */
static void take_line(const struct conf *conf, char *line, struct complaints *complaints)
{
	for (size_t i = 0; i < conf->rule_count; i++) {
		const char *path = conf->rules[i].path;
		size_t len = strlen(path);
		if (strncmp(line, path, len) != 0 || line[len] != ':')
			continue;
		char *end, *words = strstr(line + len, ") ");
		unsigned long at = strtoul(line + len + 1, &end, 10);
		unsigned long column = *end == ':' ? strtoul(end + 1, &end, 10) : 0;
		if (words == NULL || strncmp(end, ": (W", 4) != 0)
			continue;
		words[strcspn(words, "\n")] = '\0';
		complaints_warn(complaints, path, (unsigned)at, (unsigned)column, "%s", words + 2);
		return;
	}
}

void lint_rules(const struct conf *conf, struct complaints *complaints)
{
	int from = -1, status;
	char line[4096];
	if (conf->rule_count == 0)
		return;
	pid_t pid = start(conf, &from);
	FILE *lines = from == -1 ? NULL : fdopen(from, "r");
	while (lines != NULL && fgets(line, sizeof line, lines) != NULL)
		take_line(conf, line, complaints);
	if (lines != NULL)
		fclose(lines);
	while (pid != -1 && waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/rule_file.h"

#include "base/memory.h"
#include "base/table.h"
#include "rule/rule_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct text {
	size_t len;
	char bytes[];
};

static struct table texts; /* by path */

/* Reads all of a regular file; NULL with the reason in `why`. To be freed. */
static struct text *read_whole(int fd, struct err *why)
{
	struct stat status;
	bool is_file = fstat(fd, &status) != -1 && S_ISREG(status.st_mode);
	if (!is_file || status.st_size > RULE_FILE_MOST) {
		err_set(why, is_file ? "larger than %u bytes" : "not a file", RULE_FILE_MOST);
		return NULL;
	}
	size_t size = (size_t)status.st_size;
	struct text *text = memory_new(1, sizeof *text + size + 1);
	ssize_t got = 1;
	while (got > 0 && text->len < size) {
		got = read(fd, text->bytes + text->len, size - text->len);
		text->len += got > 0 ? (size_t)got : 0;
	}
	if (got != -1)
		return text;
	err_set(why, "%s", strerror(errno));
	free(text);
	return NULL;
}

bool rule_file_read(const char *path, struct slice *text, struct err *why)
{
	struct slice key = slice_of_string(path);
	struct text *kept = table_get(&texts, key);
	if (kept == NULL) {
		int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd == -1)
			return err_set(why, "%s", strerror(errno));
		kept = read_whole(fd, why);
		close(fd);
		if (kept == NULL)
			return false;
		table_set(&texts, key, kept);
	}
	*text = slice_of(kept->bytes, kept->len);
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

struct slice rule_file_line(const char *path, unsigned line)
{
	const struct text *kept = table_get(&texts, slice_of_string(path));
	if (kept == NULL || line == 0)
		return SLICE_ABSENT;
	struct slice rest = slice_of(kept->bytes, kept->len), found;
	for (unsigned i = 1; slice_next_item(&rest, '\n', &found); i++)
		if (i == line) {
			while (found.len > 0 && is_blank(found.at[found.len - 1]))
				found.len--;
			while (found.len > 0 && is_blank(*found.at))
				found = slice_skip(found, 1);
			return found;
		}
	return SLICE_ABSENT;
}

void rule_files_forget(void)
{
	table_release(&texts, free);
}

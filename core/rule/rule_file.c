/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/rule_file.h"

#include "base/check.h"
#include "base/memory.h"
#include "base/table.h"
#include "rule/rule_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct text {
	size_t len;
	char bytes[];
};

static struct table texts; /* by path */
static struct table aside; /* the same, of before */

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
	table_release(&aside, free);
}

/* ---- from one process to another ------------------------------------------------------------- */

/* In the file before the path and the text, which have no NUL behind them. */
struct header {
	uint32_t path_bytes;
	uint32_t text_bytes;
};

static bool put_text(struct slice path, void *value, void *extra)
{
	const struct text *text = value;
	struct header header = { (uint32_t)path.len, (uint32_t)text->len };
	fwrite(&header, sizeof header, 1, extra);
	fwrite(path.at, 1, path.len, extra);
	fwrite(text->bytes, 1, text->len, extra);
	return true;
}

static bool write_all(int fd, const char *bytes, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t got = pwrite(fd, bytes + done, len - done, (off_t)done);
		if (got == -1)
			return false;
		done += (size_t)got;
	}
	return true;
}

bool rule_files_write(int fd, struct err *why)
{
	char *bytes;
	size_t len;
	FILE *to = open_memstream(&bytes, &len);
	check(to != NULL);
	table_each(&texts, put_text, to);
	check(fclose(to) == 0);
	bool is_done = ftruncate(fd, 0) == 0 && write_all(fd, bytes, len);
	if (!is_done)
		err_set(why, "cannot keep the texts of rules: %s", strerror(errno));
	free(bytes);
	return is_done;
}

/* Takes one text off the front of `rest`; false at its end, or where it is broken off. */
static bool take_text(struct slice *rest)
{
	struct header header;
	if (rest->len < sizeof header)
		return false;
	memcpy(&header, rest->at, sizeof header);
	*rest = slice_skip(*rest, sizeof header);
	if (rest->len < (size_t)header.path_bytes + header.text_bytes)
		return false;
	struct text *text = memory_new(1, sizeof *text + header.text_bytes + 1);
	text->len = header.text_bytes;
	memcpy(text->bytes, rest->at + header.path_bytes, text->len);
	free(table_set(&texts, slice_of(rest->at, header.path_bytes), text));
	*rest = slice_skip(*rest, (size_t)header.path_bytes + header.text_bytes);
	return true;
}

bool rule_files_read(int fd, struct err *why)
{
	off_t len = lseek(fd, 0, SEEK_END);
	char *bytes = len > 0 ? malloc((size_t)len) : NULL;
	ssize_t got = len == 0 ? 0 : -1;
	if (bytes != NULL)
		got = pread(fd, bytes, (size_t)len, 0);
	if (got != len) {
		free(bytes);
		return err_set(why, "cannot read the texts of rules: %s", strerror(errno));
	}
	rule_files_forget();
	struct slice rest = slice_of(bytes, (size_t)len);
	while (bytes != NULL && take_text(&rest))
		;
	free(bytes);
	return true;
}

/* ---- what has changed -------------------------------------------------------------------------- */

void rule_files_set_aside(void)
{
	table_release(&aside, free);
	aside = texts;
	table_init(&texts);
}

struct changed {
	char *to;
	size_t size, used, count;
};

static bool list_if_changed(struct slice path, void *value, void *extra)
{
	const struct text *text = value, *before = table_get(&aside, path);
	struct changed *list = extra;
	if (before != NULL && before->len == text->len &&
	    memcmp(before->bytes, text->bytes, text->len) == 0)
		return true;
	int len = snprintf(list->to + list->used, list->size - list->used, "%s%.*s",
			   list->count > 0 ? ", " : "", SLICE_PRINT(path));
	list->used += (size_t)len;
	if (list->used >= list->size)
		list->used = list->size - 1;
	list->count++;
	return true;
}

size_t rule_files_list_changed(char *to, size_t size)
{
	struct changed list = { .to = to, .size = size };
	*to = '\0';
	table_each(&texts, list_if_changed, &list);
	return list.count;
}

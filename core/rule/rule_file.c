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

/* To be freed; false with the reason in `why`. */
static bool read_file(const char *path, struct text **text, struct err *why)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd == -1)
		return err_set(why, "%s", strerror(errno));
	bool is_file = fstat(fd, &status) != -1 && S_ISREG(status.st_mode);
	if (!is_file || status.st_size > RULE_FILE_MOST) {
		close(fd);
		return err_set(why, is_file ? "larger than %u bytes" : "not a file",
			       RULE_FILE_MOST);
	}
	*text = memory_new(1, sizeof **text + (size_t)status.st_size + 1);
	char *at = (*text)->bytes;
	size_t len = 0;
	ssize_t got = 1;
	while (got > 0 && len < (size_t)status.st_size) {
		got = read(fd, at + len, (size_t)status.st_size - len);
		len += got > 0 ? (size_t)got : 0;
	}
	close(fd);
	if (got == -1) {
		free(*text);
		return err_set(why, "%s", strerror(errno));
	}
	(*text)->len = len;
	return true;
}

bool rule_file_read(const char *path, struct slice *text, struct err *why)
{
	struct slice key = slice_of_string(path);
	struct text *kept = table_get(&texts, key);
	if (kept == NULL) {
		if (!read_file(path, &kept, why))
			return false;
		table_set(&texts, key, kept);
	}
	*text = slice_of(kept->bytes, kept->len);
	return true;
}

void rule_files_forget(void)
{
	table_release(&texts, free);
}

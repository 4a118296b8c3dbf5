/* SPDX-License-Identifier: Apache-2.0 */
#include "lookup/resources.h"

#include "base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* -1 also where a link leads out of the directory. */
static int open_beneath(int dir, const char *name)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	long fd = syscall(SYS_openat2, dir, name, &how, sizeof how);
	if (fd == -1 && errno == ENOSYS) /* before Linux 5.6: no links at all */
		fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	return (int)fd;
}

static const char *open_error(int number)
{
	return number == EXDEV || number == ELOOP ? "it is a link that leads out of the directory"
						  : strerror(number);
}

/* All of it; NULL with errno when it cannot be read. */
static struct resource *read_file(int fd, const struct stat *status)
{
	size_t size = (size_t)status->st_size;
	struct resource *file = memory_new(1, sizeof *file + size + 1);
	file->modified = status->st_mtim.tv_sec;
	while (file->len < size) {
		ssize_t got = read(fd, file->bytes + file->len, size - file->len);
		if (got == -1) {
			free(file);
			return NULL;
		}
		if (got == 0)
			break; /* it was cut short meanwhile */
		file->len += (size_t)got;
	}
	return file;
}

/* Reads one entry; folders are left out. *total counts the bytes of all. */
static bool add(struct resources *r, int dir, const char *name, size_t *total, struct err *e)
{
	struct stat status;
	struct resource *file = NULL;
	int fd = open_beneath(dir, name);
	if (fd == -1)
		return err_set(e, "cannot read resource '%s': %s", name, open_error(errno));
	if (fstat(fd, &status) == -1)
		err_set(e, "cannot read resource '%s': %s", name, strerror(errno));
	else if (S_ISDIR(status.st_mode)) {
		close(fd);
		return true;
	} else if (!S_ISREG(status.st_mode))
		err_set(e, "cannot read resource '%s': it is no plain file", name);
	else if ((uint64_t)status.st_size > RESOURCES_BYTES - *total)
		err_set(e, "cannot read resource '%s': all together would be more than %u MiB",
			name, RESOURCES_BYTES >> 20);
	else if (r->files.count == RESOURCES_COUNT)
		err_set(e, "cannot read resource '%s': there are more than %d", name,
			RESOURCES_COUNT);
	else if ((file = read_file(fd, &status)) == NULL)
		err_set(e, "cannot read resource '%s': %s", name, strerror(errno));
	close(fd);
	if (file == NULL)
		return false;
	*total += file->len;
	table_set(&r->files, slice_of_string(name), file);
	return true;
}

bool resources_open(struct resources *r, const char *path, struct err *e)
{
	size_t total = 0;
	bool is_fine = true;
	struct dirent *entry;
	table_init(&r->files);
	if (path == NULL)
		return true;
	DIR *dir = opendir(path);
	if (dir == NULL)
		return err_set(e, "cannot open '%s': %s", path, strerror(errno));
	while (is_fine && (entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			is_fine = add(r, dirfd(dir), entry->d_name, &total, e);
	closedir(dir);
	if (!is_fine)
		resources_release(r);
	return is_fine;
}

void resources_release(struct resources *r)
{
	table_release(&r->files, free);
}

const struct resource *resources_find(const struct resources *r, struct slice name)
{
	return table_get(&r->files, name);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/control.h"

#include "base/clock.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG 64
#define PATIENCE_MICROSECONDS 1000000

static bool set_name(struct sockaddr_un *name, const char *path)
{
	*name = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof name->sun_path) {
		errno = ENAMETOOLONG; /* about sockets, not about files: 107 bytes */
		return false;
	}
	snprintf(name->sun_path, sizeof name->sun_path, "%s", path);
	return true;
}

static void close_kept(int fd)
{
	int kept = errno;
	close(fd);
	errno = kept;
}

int control_connect(const char *path)
{
	struct sockaddr_un name;
	int fd = -1;
	if (!set_name(&name, path) ||
	    (fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) == -1)
		return -1;
	if (connect(fd, (struct sockaddr *)&name, sizeof name) == 0)
		return fd;
	close_kept(fd);
	return -1;
}

/* ---- what is there already ------------------------------------------------------------------------ */

enum occupant {
	NOBODY,
	DEAD,  /* a socket that nobody listens on */
	DYING, /* children of a supervisor that is gone */
	LIVING,
	NO_SOCKET,
	UNKNOWN, /* see errno */
};

/* Who listens on `fd`'s other end: the process that called listen(), so the supervisor. */
static pid_t listening_process(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof peer;
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 ? peer.pid : 0;
}

static enum occupant look(const char *path, pid_t *pid)
{
	struct stat found;
	if (lstat(path, &found) == -1)
		return errno == ENOENT ? NOBODY : UNKNOWN;
	if (!S_ISSOCK(found.st_mode))
		return NO_SOCKET;
	int fd = control_connect(path);
	*pid = 0;
	if (fd == -1 && errno == EAGAIN) /* so many wait there that we cannot */
		return LIVING;
	if (fd == -1)
		return errno == ECONNREFUSED ? DEAD : errno == ENOENT ? NOBODY : UNKNOWN;
	*pid = listening_process(fd);
	close(fd);
	return *pid > 0 && kill(*pid, 0) == -1 && errno == ESRCH ? DYING : LIVING;
}

static enum control_result failed(struct err *e, int error, const char *path)
{
	err_set(e, "cannot listen on control socket '%s': %s%s", path, strerror(error),
		error == ENAMETOOLONG ? " (a socket's path has at most 107 bytes)" : "");
	return error == EACCES || error == EPERM || error == EROFS ? CONTROL_FORBIDDEN
								   : CONTROL_FAILED;
}

static enum control_result is_taken(struct err *e, const char *path, pid_t pid)
{
	char who[64] = "a process that cannot be seen from here";
	if (pid > 0)
		snprintf(who, sizeof who, "process %d", (int)pid);
	err_set(e,
		"cannot listen on control socket '%s': %s listens there already; give this weir"
		" another by `control:`, or end that one by 'weir stop --control %s'",
		path, who, path);
	return CONTROL_FAILED;
}

/* CONTROL_OPEN: nobody is there any more. */
static enum control_result make_way(const char *path, uint64_t give_up_at, struct err *e)
{
	const struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };
	pid_t pid;
	for (;;) {
		switch (look(path, &pid)) {
		case NOBODY:
			return CONTROL_OPEN;
		case DEAD:
			return unlink(path) == 0 || errno == ENOENT ? CONTROL_OPEN
								    : failed(e, errno, path);
		case DYING:
			if (clock_read_microseconds() >= give_up_at)
				return is_taken(e, path, pid);
			nanosleep(&pause, NULL);
			break;
		case LIVING:
			return is_taken(e, path, pid);
		case NO_SOCKET:
			err_set(e,
				"cannot listen on control socket '%s': a file is there that is"
				" no socket",
				path);
			return CONTROL_FAILED;
		case UNKNOWN:
			return failed(e, errno, path);
		}
	}
}

/* ---- making it -------------------------------------------------------------------------------------- */

/*
 * Two weirs that start at once must not both find a dead one's socket, or the second would remove
 * the first one's new one. So the directory is locked for that moment; if somebody else holds it
 * for longer than any weir does, we go on without.
 */
static void lock_directory(int fd, uint64_t give_up_at)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
	while (flock(fd, LOCK_EX | LOCK_NB) == -1 && errno == EWOULDBLOCK &&
	       clock_read_microseconds() < give_up_at)
		nanosleep(&pause, NULL);
}

/* The directory of `path`, made if it was missing; -1 with errno. */
static int open_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
	char *name = memory_copy_string(slash == NULL ? "." : path, len);
	int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 && errno == ENOENT && mkdir(name, 0755) == 0)
		fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int kept = errno;
	free(name);
	errno = kept;
	return fd;
}

static bool bind_privately(int fd, const struct sockaddr_un *name)
{
	mode_t old = umask(0177); /* not chmod behind it: nobody may slip in between */
	bool is_bound = bind(fd, (const struct sockaddr *)name, sizeof *name) == 0;
	int kept = errno;
	umask(old);
	errno = kept;
	return is_bound;
}

/* The path is free. -1 with errno. */
static int listen_at(const struct sockaddr_un *name)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1 || (bind_privately(fd, name) && listen(fd, BACKLOG) == 0))
		return fd;
	close_kept(fd);
	return -1;
}

static enum control_result open_locked(struct control *c, const struct sockaddr_un *name,
				       uint64_t give_up_at, struct err *e)
{
	struct stat made;
	enum control_result result = make_way(name->sun_path, give_up_at, e);
	if (result != CONTROL_OPEN)
		return result;
	c->fd = listen_at(name);
	if (c->fd == -1)
		return failed(e, errno, name->sun_path);
	if (lstat(name->sun_path, &made) == 0) {
		c->device = made.st_dev;
		c->inode = made.st_ino;
	}
	c->path = memory_copy_string(name->sun_path, strlen(name->sun_path));
	return CONTROL_OPEN;
}

enum control_result control_open(struct control *c, const char *path, struct err *e)
{
	uint64_t give_up_at = clock_read_microseconds() + PATIENCE_MICROSECONDS;
	struct sockaddr_un name;
	*c = (struct control){ .fd = -1 };
	int directory = set_name(&name, path) ? open_directory(path) : -1;
	if (directory == -1)
		return failed(e, errno, path);
	lock_directory(directory, give_up_at);
	enum control_result result = open_locked(c, &name, give_up_at, e);
	close(directory);
	return result;
}

/* ---- letting go --------------------------------------------------------------------------------------- */

void control_let_go(struct control *c)
{
	if (c->fd != -1)
		close(c->fd);
	free(c->path);
	*c = (struct control){ .fd = -1 };
}

void control_close(struct control *c)
{
	struct stat found;
	if (c->fd != -1 && lstat(c->path, &found) == 0 && found.st_dev == c->device &&
	    found.st_ino == c->inode)
		unlink(c->path);
	control_let_go(c);
}

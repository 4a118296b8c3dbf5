/*
 * control: the socket's file, by which commands find a running weir. The supervisor makes it before
 * anything is given up and removes it at the end; the keeper serves it. Only its owner and root may
 * connect: what stands behind it can stop weir.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_ADMIN_CONTROL_H
#define WEIR_ADMIN_CONTROL_H

#include "base/err.h"

#include <sys/types.h>

/* Owned by start_run; the children inherit the descriptor. */
struct control {
	int fd; /* listens; -1: nobody can reach us */
	char *path;
	dev_t device; /* of the file that we made: another's is not ours to remove */
	ino_t inode;
};

enum control_result {
	CONTROL_OPEN,
	CONTROL_FORBIDDEN, /* we may not write there; `e` has it in words, as for FAILED */
	CONTROL_FAILED,
};

/*
 * Listens at `path`, mode 0600; makes its directory when only that is missing. What a dead weir left
 * there is replaced, one that lives is a failure that names its process. One that was just killed is
 * given a second to let go. Unless CONTROL_OPEN, the struct is as if closed.
 */
enum control_result control_open(struct control *c, const char *path, struct err *e);

/* In a worker: closes the descriptor, the file stays. */
void control_let_go(struct control *c);

/* Removes the file, unless somebody has put another there. Safe when closed already. */
void control_close(struct control *c);

/* Connects to whoever listens at `path`, without waiting; -1 with errno. */
int control_connect(const char *path);

#endif

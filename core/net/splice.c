/* SPDX-License-Identifier: Apache-2.0 */
#include "net/splice.h"

#include "base/check.h"
#include "net/stream_private.h"

#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

/* Room for fragments rather than bytes: what comes in small packets takes a page of the pipe for each. */
#define PIPE_BYTES (1024 * 1024)

/* One pipe does for all connections of a process: it is only ever full within one call. */
static int out_of = -1, into = -1;

bool splice_is_possible(void)
{
	int ends[2];
	if (out_of != -1)
		return true;
	if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) == -1)
		return false;
	out_of = ends[0];
	into = ends[1];
	/* refused where the user has many pipes already: then each move is smaller */
	fcntl(into, F_SETPIPE_SZ, PIPE_BYTES);
	return true;
}

/* What is in it is lost, and must never reach anybody else. */
static void close_pipe(void)
{
	close(out_of);
	close(into);
	out_of = into = -1;
}

/* Copies what the receiver did not take from the pipe to where it waits for it. */
static void keep_rest(struct stream *to, size_t rest)
{
	char *room;
	buf_reserve(&to->out, rest, SIZE_MAX, &room);
	ssize_t got = read(out_of, room, rest);
	check(got == (ssize_t)rest); /* it is all there: the pipe is ours alone */
	buf_grow(&to->out, rest);
}

/* Writes what is in the pipe, all of it. */
static enum io empty(struct stream *to, size_t count, bool goes_on)
{
	stream_before_write(to);
	ssize_t put = splice(out_of, NULL, to->fd, NULL, count,
			     SPLICE_F_NONBLOCK | (goes_on ? SPLICE_F_MORE : 0));
	enum io result = stream_write_result(to, put);
	if (result == IO_FAIL) {
		close_pipe();
		return IO_FAIL;
	}
	size_t rest = result == IO_OK ? count - (size_t)put : count;
	if (rest > 0)
		keep_rest(to, rest);
	return IO_OK;
}

enum io splice_move(struct stream *from, struct stream *to, size_t most, bool goes_on,
		    size_t *moved)
{
	check(most > 0 && out_of != -1 && stream_is_flushed(to));
	if (from->is_eof)
		return IO_EOF;
	if (to->error != 0)
		return IO_FAIL;
	ssize_t got = splice(from->fd, NULL, into, NULL, most, SPLICE_F_NONBLOCK);
	enum io result = stream_read_result(from, got);
	if (result != IO_OK)
		return result;
	*moved = (size_t)got;
	from->bytes_in += *moved;
	from->is_readable = *moved == most;
	stream_peek(from);
	return empty(to, *moved, goes_on && from->is_readable);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "net/inbox.h"

#include "base/check.h"

#include <stdint.h>

static char shared_buffer[INBOX_SHARED_BYTES];
static struct inbox *holder; /* whose bytes are in it, or NULL */

void inbox_init(struct inbox *in)
{
	*in = (struct inbox){ 0 };
}

void inbox_release(struct inbox *in)
{
	if (holder == in)
		holder = NULL;
	buf_release(&in->own);
	inbox_init(in);
}

/* Moves what is left in the shared buffer to its inbox's own memory. */
static void settle(void)
{
	if (holder != NULL && holder->shared.len > 0)
		buf_append(&holder->own, holder->shared, SIZE_MAX);
	if (holder != NULL)
		holder->shared = (struct slice){ 0 };
	holder = NULL;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static enum io read_own(struct inbox *in, struct stream *s, size_t most)
{
	char *room;
	size_t got;
	/* grow by what is likely to come, not by what may: a head in pieces is small */
	most = least(most, in->own.len + 1024);
	buf_reserve(&in->own, most, SIZE_MAX, &room);
	enum io result = stream_read(s, room, most, &got);
	if (result == IO_OK)
		buf_grow(&in->own, got);
	return result;
}

enum io inbox_read(struct inbox *in, struct stream *s, size_t most, size_t limit)
{
	size_t held = inbox_slice(in).len;
	if (held >= limit)
		return IO_WAIT;
	most = least(least(most, limit - held), INBOX_SHARED_BYTES);
	if (holder != NULL)
		settle();
	if (in->own.len > 0)
		return read_own(in, s, most);
	size_t got;
	enum io result = stream_read(s, shared_buffer, most, &got);
	if (result == IO_OK) {
		in->shared = slice_of(shared_buffer, got);
		holder = in;
	}
	return result;
}

void inbox_use(struct inbox *in, size_t count)
{
	check(count <= inbox_slice(in).len);
	if (in->shared.len > 0) {
		in->shared = slice_skip(in->shared, count);
		if (in->shared.len == 0) {
			in->shared = (struct slice){ 0 };
			holder = NULL;
		}
		return;
	}
	buf_take(&in->own, count);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "net/inbox.h"

#include "base/check.h"

#include <stdint.h>

static char shared_buffer[INBOX_SHARED_BYTES];
struct inbox_shared inbox_shared;

void inbox_init(struct inbox *in)
{
	*in = (struct inbox){ 0 };
}

void inbox_release(struct inbox *in)
{
	if (inbox_shared.holder == in)
		inbox_shared = (struct inbox_shared){ 0 };
	buf_release(&in->own);
}

/* Moves what is left in the shared buffer to its inbox's own memory. */
static void settle(void)
{
	buf_append(&inbox_shared.holder->own, inbox_shared.rest, SIZE_MAX);
	inbox_shared = (struct inbox_shared){ 0 };
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
	most = least(most, buf_len(&in->own) + 1024);
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
	if (inbox_shared.rest.len > 0)
		settle();
	if (buf_len(&in->own) > 0)
		return read_own(in, s, most);
	size_t got;
	enum io result = stream_read(s, shared_buffer, most, &got);
	if (result == IO_OK)
		inbox_shared = (struct inbox_shared){ in, slice_of(shared_buffer, got) };
	return result;
}

void inbox_use(struct inbox *in, size_t count)
{
	check(count <= inbox_slice(in).len);
	if (inbox_shared.holder != in) {
		buf_take(&in->own, count);
		return;
	}
	inbox_shared.rest = slice_skip(inbox_shared.rest, count);
	if (inbox_shared.rest.len == 0)
		inbox_shared = (struct inbox_shared){ 0 };
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_hunt.h"

#include "api/api_private.h"

#include "base/memory.h"

#include <stdlib.h>

/* Looked through at a time, where the text looked for is not longer: up to 80 us. */
#define WINDOW_BYTES 8192

static size_t window_size(const struct api_hunt *h)
{
	size_t size = h->part.len * 4;
	return size > WINDOW_BYTES ? size : WINDOW_BYTES;
}

/* Room for `part` and one window. */
static void take_block(struct rule_call *call, struct api_hunt *h, bool is_long)
{
	size_t window = window_size(h) + h->part.len;
	size_t size = h->part.len + (window < h->in.len ? window : h->in.len) + 1;
	h->is_owned = is_long;
	h->block = is_long ? memory_new(1, size) : api_scratch(call, size);
}

static void fold(struct slice s, char *to)
{
	for (size_t i = 0; i < s.len; i++)
		to[i] = slice_lower(s.at[i]);
}

static void reverse(struct slice s, char *to)
{
	for (size_t i = 0; i < s.len; i++)
		to[s.len - 1 - i] = s.at[i];
}

void api_hunt_open(struct rule_call *call, struct api_hunt *h, struct slice in, struct slice part)
{
	rule_spend(call, part.len);
	*h = (struct api_hunt){ .in = in, .part = part };
}

void api_hunt_fold(struct rule_call *call, struct api_hunt *h, bool is_long)
{
	if (h->part.len > h->in.len)
		return; /* nothing will be compared */
	take_block(call, h, is_long);
	fold(h->part, h->block);
}

void api_hunt_release(struct api_hunt *h)
{
	if (h->is_owned)
		free(h->block);
	h->block = NULL;
}

/* The window as it is compared, behind `part`. */
static char *window_of(const struct api_hunt *h)
{
	return h->block + h->part.len;
}

static void move_window(struct rule_call *call, struct api_hunt *h)
{
	size_t size = window_size(h) + h->part.len - 1;
	h->start = h->from;
	h->end = size < h->in.len - h->from ? h->from + size : h->in.len;
	rule_spend(call, h->end - h->start);
	if (h->block != NULL)
		fold(slice_of(h->in.at + h->start, h->end - h->start), window_of(h));
}

enum api_hunted api_hunt_next(struct rule_call *call, struct api_hunt *h, size_t *at)
{
	size_t len = h->part.len;
	while (h->from <= h->in.len && len <= h->in.len - h->from) {
		if (len == 0) {
			*at = h->from;
			return API_HUNT_FOUND;
		}
		if (h->end < h->from + len)
			move_window(call, h);
		const char *window = h->block != NULL ? window_of(h) : h->in.at + h->start;
		const char *found = memmem(window + (h->from - h->start), h->end - h->from,
					   h->block != NULL ? h->block : h->part.at, len);
		if (found != NULL) {
			*at = h->start + (size_t)(found - window);
			h->from = *at + len;
			return API_HUNT_FOUND;
		}
		h->from = h->end - len + 1;
		if (h->end < h->in.len && rule_turn_is_over(call, h->end - h->start))
			return API_HUNT_TURN_IS_OVER;
	}
	return API_HUNT_NOTHING;
}

/* The last occurrence is the first one of the reversed texts: so the time stays linear. */
enum api_hunted api_hunt_last(struct rule_call *call, struct api_hunt *h, bool is_long, size_t *at)
{
	size_t len = h->part.len;
	if (h->block == NULL) {
		h->end = h->in.len;
		if (len > h->in.len)
			return API_HUNT_NOTHING;
		take_block(call, h, is_long);
		reverse(h->part, h->block);
	}
	while (h->end >= len) {
		size_t size = window_size(h) + len;
		h->start = h->end > size ? h->end - size : 0;
		rule_spend(call, h->end - h->start);
		reverse(slice_of(h->in.at + h->start, h->end - h->start), window_of(h));
		const char *found = memmem(window_of(h), h->end - h->start, h->block, len);
		if (found != NULL || h->start == 0) {
			*at = h->end -
			      (size_t)((found == NULL ? window_of(h) : found) - window_of(h)) - len;
			return found != NULL ? API_HUNT_FOUND : API_HUNT_NOTHING;
		}
		h->end = h->start + len - 1;
		if (rule_turn_is_over(call, size))
			return API_HUNT_TURN_IS_OVER;
	}
	return API_HUNT_NOTHING;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "share/reach.h"

#include <string.h>

char *reach_run(struct reach *r, size_t *len)
{
	if (r->room == 0)
		r->go_on(r);
	char *at = r->at;
	*len = *len < r->room ? *len : r->room;
	r->at += *len;
	r->room -= *len;
	return at;
}

void reach_put(struct reach *r, struct slice data)
{
	while (data.len > 0) {
		size_t len = data.len;
		char *at = reach_run(r, &len);
		memcpy(at, data.at, len);
		data = slice_skip(data, len);
	}
}

void reach_take(struct reach *r, char *to, size_t count)
{
	while (count > 0) {
		size_t len = count;
		const char *at = reach_run(r, &len);
		memcpy(to, at, len);
		to += len;
		count -= len;
	}
}

void reach_skip(struct reach *r, size_t count)
{
	while (count > 0) {
		size_t len = count;
		reach_run(r, &len);
		count -= len;
	}
}

bool reach_matches(struct reach *r, struct slice data)
{
	while (data.len > 0) {
		size_t len = data.len;
		const char *at = reach_run(r, &len);
		if (memcmp(at, data.at, len) != 0)
			return false;
		data = slice_skip(data, len);
	}
	return true;
}

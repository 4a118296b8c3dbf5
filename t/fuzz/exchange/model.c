/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

#include <string.h>
#include <strings.h>

/* What weir is told to take in the configuration of this test; the sure ones stay well below. */
#define SURE_LINE_BYTES 200
#define SURE_HEAD_BYTES 700
#define SURE_FIELDS 10

struct lines {
	unsigned fields, hosts, lengths, codings, clients;
	bool is_chunked, has_upgrade, keep_alive;
	uint64_t length;
};

static void worsen(enum model_verdict *verdict, enum model_verdict by)
{
	if (by > *verdict)
		*verdict = by;
}

static bool is_in(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_token(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_alnum(s.at[i]) && !is_in(s.at[i], "!#$%&'*+-.^_`|~"))
			return false;
	return s.len > 0;
}

static bool is_word(struct slice s, const char *word)
{
	return s.len == strlen(word) && strncasecmp(s.at, word, s.len) == 0;
}

static bool is_made_of(struct slice s, const char *others)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_alnum(s.at[i]) && !is_in(s.at[i], others))
			return false;
	return true;
}

/*
 * The line at the start of `in`, without its CRLF. False when there is no whole one; *is_bad when a CR
 * or LF stands alone in it.
 */
static bool take_line(struct slice *in, struct slice *line, bool *is_bad)
{
	for (size_t i = 0; i < in->len; i++) {
		if (in->at[i] != '\r' && in->at[i] != '\n')
			continue;
		if (in->at[i] == '\r' && i + 1 == in->len)
			return false;
		*is_bad = in->at[i] == '\n' || in->at[i + 1] != '\n';
		*line = slice_of(in->at, i);
		*in = slice_skip(*in, *is_bad ? i + 1 : i + 2);
		return !*is_bad;
	}
	return false;
}

static struct slice trim(struct slice s)
{
	while (s.len > 0 && is_in(s.at[0], " \t"))
		s = slice_skip(s, 1);
	while (s.len > 0 && is_in(s.at[s.len - 1], " \t"))
		s.len--;
	return s;
}

/* ---- header lines -------------------------------------------------------------------------------------- */

/* One number, or several equal ones: RFC 9110 8.6 lets us take or refuse those. */
static enum model_verdict read_length(struct slice value, struct lines *l)
{
	enum model_verdict verdict = value.len > 1 && value.at[0] == '0' ? MODEL_MAYBE : MODEL_SURE;
	uint64_t number = 0;
	if (value.len == 0 || value.len > 19)
		return MODEL_NEVER;
	for (size_t i = 0; i < value.len; i++) {
		if (value.at[i] < '0' || value.at[i] > '9')
			return MODEL_NEVER;
		number = number * 10 + (uint64_t)(value.at[i] - '0');
	}
	if (l->lengths++ > 0)
		verdict = l->length == number ? MODEL_MAYBE : MODEL_NEVER;
	l->length = number;
	return verdict;
}

static enum model_verdict read_connection(struct slice value, struct lines *l,
					  struct model_message *m)
{
	if (is_word(value, "close"))
		m->closes = true;
	else if (is_word(value, "keep-alive"))
		l->keep_alive = true;
	else if (is_word(value, "upgrade"))
		m->asks_upgrade = true;
	else
		return MODEL_MAYBE;
	return MODEL_SURE;
}

/* Any of these in a list, for what we are not sure of. */
static void read_options(struct slice value, struct lines *l, struct model_message *m)
{
	struct slice item;
	while (slice_next_item(&value, ',', &item))
		read_connection(trim(item), l, m);
}

static enum model_verdict read_host(struct slice value, struct lines *l)
{
	l->hosts++;
	return value.len > 0 && is_made_of(value, "-.") && is_alnum(value.at[0]) ? MODEL_SURE
										 : MODEL_MAYBE;
}

static enum model_verdict read_field(struct slice name, struct slice value, struct lines *l,
				     struct model_message *m)
{
	if (is_word(name, "content-length"))
		return read_length(value, l);
	if (is_word(name, "transfer-encoding")) {
		l->codings++;
		l->is_chunked = is_word(value, "chunked");
		return l->is_chunked && l->codings == 1 ? MODEL_SURE : MODEL_NEVER;
	}
	if (is_word(name, "connection")) {
		read_options(value, l, m);
		return read_connection(value, l, m);
	}
	if (is_word(name, "host"))
		return read_host(value, l);
	m->is_coded |= is_word(name, "content-encoding");
	if (is_word(name, "upgrade"))
		l->has_upgrade = true;
	else if (is_word(name, "x-mark"))
		m->mark = slice_is_absent(m->mark) ? value : m->mark;
	else if (is_word(name, "x-op"))
		m->op = slice_is_absent(m->op) ? value : m->op;
	else if (is_word(name, "x-cluster-client-ip"))
		m->client = l->clients++ == 0 ? value : SLICE_ABSENT;
	else if (is_word(name, "date") || is_word(name, "via") || is_word(name, "server") ||
		 is_word(name, "content-type"))
		return MODEL_SURE;
	else if (name.len < 3 || !is_made_of(name, "-") || strncasecmp(name.at, "x-", 2) != 0)
		return MODEL_MAYBE;
	return MODEL_SURE;
}

static enum model_verdict read_field_line(struct slice line, struct lines *l,
					  struct model_message *m)
{
	size_t colon = slice_find(line, ':');
	if (colon == line.len || !is_token(slice_of(line.at, colon)))
		return MODEL_NEVER;
	struct slice value = trim(slice_skip(line, colon + 1));
	enum model_verdict verdict = MODEL_SURE;
	for (size_t i = 0; i < value.len; i++) {
		if (value.at[i] == '\0')
			return MODEL_NEVER;
		if ((unsigned char)value.at[i] < 0x20 || (unsigned char)value.at[i] >= 0x7f)
			verdict = MODEL_MAYBE;
	}
	worsen(&verdict, read_field(slice_of(line.at, colon), value, l, m));
	return verdict;
}

/* Up to and with the empty line. False: it is not whole, or NEVER. */
static bool read_fields(struct slice *rest, struct lines *l, struct model_message *m)
{
	struct slice line;
	bool is_bad = false;
	while (take_line(rest, &line, &is_bad)) {
		if (line.len == 0)
			return true;
		l->fields++;
		worsen(&m->verdict, read_field_line(line, l, m));
	}
	if (is_bad)
		m->verdict = MODEL_NEVER;
	return false;
}

/* ---- bodies ---------------------------------------------------------------------------------------------- */

static void add_body(struct model_message *m, struct slice bytes)
{
	size_t room = MODEL_BODY_MOST - m->body_len;
	if (bytes.len > room) {
		m->body_verdict = MODEL_MAYBE;
		bytes.len = room;
	}
	if (bytes.len > 0)
		memcpy(m->body + m->body_len, bytes.at, bytes.len);
	m->body_len += bytes.len;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static enum model_verdict read_size(struct slice line, uint64_t *size)
{
	size_t digits = 0;
	*size = 0;
	for (; digits < line.len && hex(line.at[digits]) >= 0; digits++)
		*size = *size * 16 + (uint64_t)hex(line.at[digits]);
	if (digits == 0 || digits > 16)
		return MODEL_NEVER;
	if (digits == line.len)
		return (line.at[0] == '0' && digits > 1) || digits == 16 ? MODEL_MAYBE : MODEL_SURE;
	struct slice rest = trim(slice_skip(line, digits));
	return rest.len > 0 && rest.at[0] == ';' ? MODEL_MAYBE : MODEL_NEVER;
}

static bool read_trailers(struct slice *rest, struct model_message *m)
{
	struct slice line;
	bool is_bad = false;
	while (take_line(rest, &line, &is_bad)) {
		if (line.len == 0)
			return true;
		size_t colon = slice_find(line, ':');
		bool is_good = colon < line.len && is_token(slice_of(line.at, colon)) &&
			       memchr(line.at, '\0', line.len) == NULL;
		worsen(&m->body_verdict, is_good ? MODEL_MAYBE : MODEL_NEVER);
	}
	if (is_bad)
		m->body_verdict = MODEL_NEVER;
	return false;
}

/* One chunk; false: that was all there is, or all there ever will be. */
static bool read_chunk(struct slice *rest, struct model_message *m)
{
	struct slice line;
	uint64_t size;
	bool is_bad = false;
	if (!take_line(rest, &line, &is_bad)) {
		if (is_bad)
			m->body_verdict = MODEL_NEVER;
		return false;
	}
	worsen(&m->body_verdict, read_size(line, &size));
	if (m->body_verdict == MODEL_NEVER)
		return false;
	if (size == 0) {
		m->is_body_whole = read_trailers(rest, m);
		return false;
	}
	struct slice data = slice_of(rest->at, rest->len < size ? rest->len : (size_t)size);
	add_body(m, data);
	*rest = slice_skip(*rest, data.len);
	if (data.len < size || rest->len < 2)
		return false;
	if (rest->at[0] != '\r' || rest->at[1] != '\n') {
		m->body_verdict = MODEL_NEVER;
		return false;
	}
	*rest = slice_skip(*rest, 2);
	return true;
}

static void read_body(struct slice rest, bool is_over, struct model_message *m)
{
	const char *start = rest.at;
	switch (m->framing) {
	case MODEL_NO_BODY:
	case MODEL_TUNNEL:
		m->is_body_whole = true;
		break;
	case MODEL_LENGTH:
		m->is_body_whole = rest.len >= m->length;
		rest.len = m->is_body_whole ? (size_t)m->length : rest.len;
		add_body(m, rest);
		rest = slice_skip(rest, rest.len);
		break;
	case MODEL_CHUNKED:
		while (read_chunk(&rest, m))
			;
		break;
	case MODEL_UNTIL_CLOSE:
		m->is_body_whole = is_over;
		add_body(m, rest);
		rest = slice_skip(rest, rest.len);
		break;
	}
	m->total = m->head_len + (size_t)(rest.at - start);
}

/* ---- heads ------------------------------------------------------------------------------------------------ */

static enum model_verdict read_version(struct slice text, struct model_message *m)
{
	if (text.len != 8 || memcmp(text.at, "HTTP/1.", 7) != 0)
		return MODEL_NEVER;
	m->version_minor = text.at[7] == '0' ? 0 : 1;
	return text.at[7] == '0' || text.at[7] == '1' ? MODEL_SURE : MODEL_NEVER;
}

static enum model_verdict judge_target(struct slice target)
{
	size_t query = slice_find(target, '?');
	struct slice path = slice_of(target.at, query);
	for (size_t i = 0; i < target.len; i++)
		if ((unsigned char)target.at[i] <= ' ' || (unsigned char)target.at[i] >= 0x7f)
			return MODEL_NEVER;
	bool is_plain = path.len > 0 && path.at[0] == '/' && is_made_of(path, "/-") &&
			memmem(path.at, path.len, "//", 2) == NULL &&
			is_made_of(slice_skip(target, query < target.len ? query + 1 : query),
				   "=&-");
	return is_plain ? MODEL_SURE : MODEL_MAYBE;
}

static void read_request_line(struct slice line, struct model_message *m)
{
	static const char *const sure[] = { "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS" };
	size_t first = slice_find(line, ' ');
	m->method = slice_of(line.at, first);
	struct slice rest = slice_skip(line, first < line.len ? first + 1 : first);
	size_t second = slice_find(rest, ' ');
	m->target = slice_of(rest.at, second);
	enum model_verdict known = MODEL_MAYBE;
	for (size_t i = 0; i < sizeof sure / sizeof sure[0]; i++)
		if (slice_is_equal(m->method, slice_of_string(sure[i])))
			known = MODEL_SURE;
	if (!is_token(m->method) || m->target.len == 0 || second == rest.len)
		known = MODEL_NEVER;
	worsen(&m->verdict, known);
	worsen(&m->verdict, judge_target(m->target));
	worsen(&m->verdict, line.len > SURE_LINE_BYTES ? MODEL_MAYBE : MODEL_SURE);
	if (second < rest.len)
		worsen(&m->verdict, read_version(slice_skip(rest, second + 1), m));
}

/* Sizes, and what the lines say together. */
static void judge_fields(const struct lines *l, struct model_message *m)
{
	if (l->fields > SURE_FIELDS || m->head_len > SURE_HEAD_BYTES)
		worsen(&m->verdict, MODEL_MAYBE);
	if (l->codings > 0 && (l->lengths > 0 || m->version_minor == 0))
		m->verdict = MODEL_NEVER;
	m->length = l->length;
	m->framing = l->codings > 0 ? MODEL_CHUNKED : l->lengths > 0 ? MODEL_LENGTH : MODEL_NO_BODY;
	m->asks_upgrade &= l->has_upgrade && m->version_minor == 1;
	m->closes |= m->version_minor == 0 && !l->keep_alive;
}

static void message_init(struct model_message *m)
{
	char *body = m->body;
	*m = (struct model_message){
		.body = body, .mark = SLICE_ABSENT, .client = SLICE_ABSENT, .op = SLICE_ABSENT
	};
}

/* The lines behind the first. False: they are not all there, or bad. */
static bool read_rest_of_head(struct slice in, struct slice *rest, struct lines *l,
			      struct model_message *m)
{
	if (!read_fields(rest, l, m))
		return false;
	m->is_head_whole = true;
	m->head_len = (size_t)(rest->at - in.at);
	judge_fields(l, m);
	return true;
}

void model_read_request(struct slice in, struct model_message *m)
{
	struct slice rest = in, line;
	struct lines l = { 0 };
	bool is_bad = false;
	message_init(m);
	/* RFC 9112 2.2 lets us pass over an empty line or more */
	while (rest.len >= 2 && rest.at[0] == '\r' && rest.at[1] == '\n') {
		rest = slice_skip(rest, 2);
		m->verdict = MODEL_MAYBE;
	}
	m->total = in.len;
	if (!take_line(&rest, &line, &is_bad)) {
		m->verdict = is_bad ? MODEL_NEVER : m->verdict;
		return;
	}
	read_request_line(line, m);
	if (!read_rest_of_head(in, &rest, &l, m))
		return;
	if (l.hosts > 1 || (l.hosts == 0 && m->version_minor == 1))
		m->verdict = MODEL_NEVER;
	if (m->verdict != MODEL_NEVER)
		read_body(rest, false, m);
}

static void read_status_line(struct slice line, struct model_message *m)
{
	if (line.len < 12 || line.at[8] != ' ') {
		m->verdict = MODEL_NEVER;
		return;
	}
	worsen(&m->verdict, read_version(slice_of(line.at, 8), m));
	for (size_t i = 9; i < 12; i++)
		if (line.at[i] < '0' || line.at[i] > '9')
			m->verdict = MODEL_NEVER;
		else
			m->status = m->status * 10 + (unsigned)(line.at[i] - '0');
	m->reason = slice_skip(line, line.len > 13 ? 13 : line.len);
	if (m->status < 100 || m->status > 599 || (line.len > 12 && line.at[12] != ' '))
		m->verdict = MODEL_NEVER;
	if (line.len < 13 || !is_made_of(m->reason, " -"))
		worsen(&m->verdict, MODEL_MAYBE);
	worsen(&m->verdict, line.len > SURE_LINE_BYTES ? MODEL_MAYBE : MODEL_SURE);
}

void model_read_response(struct slice in, bool is_head, bool is_over, struct model_message *m)
{
	struct slice rest = in, line;
	struct lines l = { 0 };
	bool is_bad = false;
	message_init(m);
	m->total = in.len;
	if (!take_line(&rest, &line, &is_bad)) {
		m->verdict = is_bad ? MODEL_NEVER : MODEL_SURE;
		return;
	}
	read_status_line(line, m);
	if (!read_rest_of_head(in, &rest, &l, m))
		return;
	if (m->status == 101) {
		worsen(&m->verdict, MODEL_MAYBE);
		m->framing = MODEL_TUNNEL;
	} else if (is_head || m->status < 200 || m->status == 204 || m->status == 304) {
		/* RFC 9110 8.6 and 6.4.1: a length where none may be makes what follows doubtful */
		if (m->framing != MODEL_NO_BODY && (m->status < 200 || m->status == 204))
			worsen(&m->verdict, MODEL_MAYBE);
		m->framing = MODEL_NO_BODY;
	} else if (m->framing == MODEL_NO_BODY) {
		m->framing = MODEL_UNTIL_CLOSE;
		m->closes = true;
	}
	if (m->verdict != MODEL_NEVER)
		read_body(rest, is_over, m);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_framing.h"

#include "http/http_scan.h"

/* Names in Connection beyond its own options; each costs a walk over the headers. */
#define CONNECTION_NAMES_MOST 32

/* 19 digits hold no overflow of 64 bits. */
#define LENGTH_DIGITS_MOST 19

/* Content-Length: digits and nothing else; a list, even of equal numbers, is refused. */
static bool parse_length(struct slice value, uint64_t *length)
{
	if (value.len == 0 || value.len > LENGTH_DIGITS_MOST)
		return false;
	uint64_t number = 0;
	for (size_t i = 0; i < value.len; i++) {
		unsigned digit = (unsigned)(value.at[i] - '0');
		if (digit > 9)
			return false;
		number = number * 10 + digit;
	}
	*length = number;
	return true;
}

static void mark_named(struct http_fields *f, enum http_field_id id, struct slice name)
{
	for (unsigned i = 0; i < f->count; i++)
		if (f->at[i].id == id && slice_is_equal_nocase(f->at[i].name, name))
			f->at[i].is_hop_by_hop = true;
}

/* A name in Connection that is none of its own options. */
static enum http_reason read_name(struct http_fields *f, struct slice name, unsigned *names)
{
	enum http_field_id id = http_field_id(name);
	if (!http_scan_is_all(name, HTTP_BYTE_TOKEN) || ++*names > CONNECTION_NAMES_MOST)
		return HTTP_REASON_CONNECTION;
	if (id == HTTP_FIELD_OTHER || id == HTTP_FIELD_TRAILER)
		mark_named(f, id, name);
	else if (!http_field_is_hop_by_hop(id))
		return HTTP_REASON_CONNECTION_NAMES;
	return HTTP_REASON_NONE;
}

/* One line of Connection; `names` counts over all lines. */
static enum http_reason read_connection(struct http_fields *f, struct slice value,
					struct http_framing *framing, unsigned *names)
{
	enum http_reason reason = HTTP_REASON_NONE;
	struct slice option;
	while (reason == HTTP_REASON_NONE && slice_next_item(&value, ',', &option)) {
		if (option.len == 0)
			continue;
		if (slice_is_equal_nocase(option, SLICE("keep-alive"))) {
			framing->keep_alive = true;
		} else if (slice_is_equal_nocase(option, SLICE("close"))) {
			framing->close = true;
		} else if (slice_is_equal_nocase(option, SLICE("upgrade"))) {
			framing->upgrade = true;
		} else {
			reason = read_name(f, option, names);
		}
	}
	return reason;
}

/*
 * Does an Upgrade offer HTTP in another shape? A tunnel of it would carry requests that no rule
 * sees, so such an offer is ignored as a whole, which RFC 9110 7.8 allows.
 */
static bool is_of_http(struct slice value)
{
	struct slice item;
	while (slice_next_item(&value, ',', &item)) {
		struct slice name = slice_of(item.at, slice_find(item, '/'));
		if (slice_is_equal_nocase(name, SLICE("HTTP")) ||
		    slice_is_equal_nocase(name, SLICE("TLS")) ||
		    slice_is_equal_nocase(name, SLICE("h2c")) ||
		    slice_is_equal_nocase(name, SLICE("h2")))
			return true;
	}
	return false;
}

static bool has_protocol(const struct http_fields *f, struct slice protocol)
{
	const struct http_field *field = http_fields_find_id(f, HTTP_FIELD_UPGRADE);
	for (; field != NULL; field = http_fields_find_next(f, field)) {
		struct slice value = field->value, item;
		while (slice_next_item(&value, ',', &item))
			if (slice_is_equal_nocase(item, protocol))
				return true;
	}
	return false;
}

bool http_upgrade_is_offered(const struct http_fields *request, const struct http_fields *response)
{
	unsigned protocols = 0;
	const struct http_field *field = http_fields_find_id(response, HTTP_FIELD_UPGRADE);
	for (; field != NULL; field = http_fields_find_next(response, field)) {
		struct slice value = field->value, item;
		while (slice_next_item(&value, ',', &item)) {
			if (item.len == 0 || !has_protocol(request, item))
				return false;
			protocols++;
		}
	}
	return protocols > 0;
}

/* TE: is "trailers" one of its items? */
static bool has_trailers(struct slice value)
{
	struct slice item;
	while (slice_next_item(&value, ',', &item))
		if (slice_is_equal_nocase(item, SLICE("trailers")))
			return true;
	return false;
}

static enum http_reason read_length(const struct http_field *field, struct http_framing *framing)
{
	if (framing->is_chunked)
		return HTTP_REASON_LENGTH_AND_CHUNKED;
	if (framing->has_length || !parse_length(field->value, &framing->length))
		return HTTP_REASON_CONTENT_LENGTH;
	framing->has_length = true;
	return HTTP_REASON_NONE;
}

static enum http_reason read_coding(const struct http_field *field, unsigned version_minor,
				    struct http_framing *framing)
{
	if (framing->has_length)
		return HTTP_REASON_LENGTH_AND_CHUNKED;
	if (version_minor == 0)
		return HTTP_REASON_TRANSFER_ENCODING_VERSION;
	if (framing->is_chunked || !slice_is_equal_nocase(field->value, SLICE("chunked")))
		return HTTP_REASON_TRANSFER_ENCODING;
	framing->is_chunked = true;
	return HTTP_REASON_NONE;
}

bool http_framing_read(struct http_fields *f, unsigned version_minor, struct http_framing *framing,
		       enum http_reason *why)
{
	unsigned names = 0;
	enum http_reason reason = HTTP_REASON_NONE;
	*framing = (struct http_framing){ 0 };
	const struct http_fields fields = *f; /* none of what follows adds a line */
	for (unsigned i = 0; i < fields.count && reason == HTTP_REASON_NONE; i++) {
		struct http_field *field = &fields.at[i];
		switch (field->id) {
		case HTTP_FIELD_HOST:
			framing->host = field;
			framing->hosts++;
			break;
		case HTTP_FIELD_CONTENT_LENGTH:
			reason = read_length(field, framing);
			break;
		case HTTP_FIELD_TRANSFER_ENCODING:
			reason = read_coding(field, version_minor, framing);
			break;
		case HTTP_FIELD_CONNECTION:
			reason = read_connection(f, field->value, framing, &names);
			break;
		case HTTP_FIELD_UPGRADE:
			framing->has_upgrade = true;
			framing->upgrades_http |= is_of_http(field->value);
			break;
		case HTTP_FIELD_TE:
			framing->has_trailers |= has_trailers(field->value);
			break;
		case HTTP_FIELD_EXPECT:
			if (slice_is_equal_nocase(field->value, SLICE("100-continue")))
				framing->has_continue = true;
			else
				framing->is_unexpected = true;
			break;
		default:
			break;
		}
	}
	*why = reason;
	return reason == HTTP_REASON_NONE;
}

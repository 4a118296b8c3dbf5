/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/conf_value.h"

#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#define NAME_MOST 64
#define BYTES_MOST 1024

/* ---- in words -------------------------------------------------------------------------------- */

static void print_duration(uint64_t milliseconds, char out[32])
{
	if (milliseconds % 1000 == 0)
		snprintf(out, 32, "%" PRIu64 "s", milliseconds / 1000);
	else
		snprintf(out, 32, "%" PRIu64 "ms", milliseconds);
}

static void print_size(uint64_t size, char out[32])
{
	if (size >= 1 << 30 && size % (1 << 30) == 0)
		snprintf(out, 32, "%" PRIu64 "g", size >> 30);
	else if (size >= 1 << 20 && size % (1 << 20) == 0)
		snprintf(out, 32, "%" PRIu64 "m", size >> 20);
	else if (size >= 1 << 10 && size % (1 << 10) == 0)
		snprintf(out, 32, "%" PRIu64 "k", size >> 10);
	else
		snprintf(out, 32, "%" PRIu64, size);
}

static void print_choices(const char *choices, char out[CONF_EXPECTED_BYTES])
{
	struct slice rest = slice_of_string(choices), choice;
	size_t len = 0;
	while (slice_next_item(&rest, ' ', &choice) && len < CONF_EXPECTED_BYTES) {
		const char *glue = len == 0 ? "" : slice_is_absent(rest) ? " or " : ", ";
		len += (size_t)snprintf(out + len, CONF_EXPECTED_BYTES - len, "%s%.*s", glue,
					SLICE_PRINT(choice));
	}
}

static void print_range(const struct conf_key *key, const char *what,
			void (*print)(uint64_t value, char out[32]), char out[CONF_EXPECTED_BYTES])
{
	char least[32], most[32];
	print(key->least, least);
	print(key->most, most);
	snprintf(out, CONF_EXPECTED_BYTES, "%s from %s to %s", what, least, most);
}

static void print_number(uint64_t number, char out[32])
{
	snprintf(out, 32, "%" PRIu64, number);
}

static void print_signed(uint64_t number, char out[32])
{
	snprintf(out, 32, "%" PRId64, (int64_t)number);
}

/* What types without a range or choices take. */
static const char *const plain_words[] = {
	[CONF_BOOLEAN] = "true or false",
	[CONF_TEXT] = "a word",
	[CONF_BYTES] = "a text of 1 to 1024 bytes without NUL",
	[CONF_PATH] = "a path",
	[CONF_TARGET] = "off, stderr or a path",
	[CONF_TOKEN] = "a name such as PHPSESSID",
	[CONF_URL] = "a URL such as \"https://www.example.com/sorry\" or \"/sorry\"",
	[CONF_LINE] = "a line of text",
	[CONF_POOL_NAME] = "the name of a pool, or discard",
	[CONF_LATER_POOL_NAME] = "the name of a pool, or discard",
	[CONF_RULE_NAME] = "the name of a rule",
	[CONF_ADDRESS] = "an address with a port such as \"10.0.0.1:80\" or \"[fd00::1]:80\"",
	[CONF_LISTENS] =
		"an address with a port such as \"0.0.0.0:80\" or \"[::]:80\", or a list of them",
	[CONF_NETWORK] = "a network such as 10.0.0.0/8",
	[CONF_NETWORKS] = "a network such as 10.0.0.0/8, or a list of them",
	[CONF_PORTS] = "a port from 1 to 65535, or a list of them",
	[CONF_MEDIA_TYPES] = "a media type such as text/css or \"text/*\", or a list of them",
	[CONF_SERVERS] = "an address such as 127.0.0.1 or \"127.0.0.1:53\", or a list of them",
	[CONF_RULE_USES] = "the name of a rule, or a list of names and mappings",
	[CONF_NODES] = "a list of nodes, or original_destination",
	[CONF_CAPTURE] = "none, redirect, tproxy or a mapping",
	[CONF_MAPPING] = "a mapping",
	[CONF_VSERVERS] = "a mapping of names to virtual servers",
	[CONF_POOLS] = "a mapping of names to pools",
	[CONF_BANDWIDTH_CLASSES] = "a mapping of names to bandwidth classes",
	[CONF_BANDWIDTH_NAME] = "the name of a bandwidth class",
	[CONF_RATE_CLASSES] = "a mapping of names to rate classes",
	[CONF_SLM_CLASSES] = "a mapping of names to service level classes",
	[CONF_SLM_NAME] = "the name of a service level class",
	[CONF_PERSISTENCE_CLASSES] = "a mapping of names to persistence classes",
	[CONF_PERSISTENCE_NAME] = "the name of a persistence class",
};

const char *conf_value_expected(const struct conf_key *key, char out[CONF_EXPECTED_BYTES])
{
	if (key->type == CONF_CHOICE)
		print_choices(key->choices, out);
	else if (key->type == CONF_WORKERS)
		print_range(key, "auto or a number", print_number, out);
	else if (key->type == CONF_INTEGER || key->type == CONF_UNSIGNED)
		print_range(key, "a number", print_number, out);
	else if (key->type == CONF_SIGNED)
		print_range(key, "a number", print_signed, out);
	else if (key->type == CONF_DURATION)
		print_range(key, "a duration such as 10s, 500ms or 2m,", print_duration, out);
	else if (key->type == CONF_SIZE)
		print_range(key, "a size such as 64k or 1m,", print_size, out);
	else
		snprintf(out, CONF_EXPECTED_BYTES, "%s", plain_words[key->type]);
	return out;
}

static bool refuse(const struct conf_key *key, const struct conf_scalar *scalar, struct err *why)
{
	char expected[CONF_EXPECTED_BYTES];
	const char *quotes = scalar->is_quoted ? " in quotes" : "";
	return err_set(why, "'%s' takes %s, not '%.60s'%s", key->name,
		       conf_value_expected(key, expected), scalar->text.at, quotes);
}

/* ---- numbers --------------------------------------------------------------------------------- */

bool conf_value_parse_number(struct slice text, uint64_t *number)
{
	*number = 0;
	/* 19 digits always fit; 010 is eight to YAML and ten to people, so it is nothing here */
	if (text.len == 0 || text.len > 19 || (text.len > 1 && text.at[0] == '0'))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return false;
		*number = *number * 10 + (uint64_t)(text.at[i] - '0');
	}
	return true;
}

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit duration_units[] = {
	{ "ms", 1 }, { "s", 1000 }, { "m", 60 * 1000 }, { "h", 60 * 60 * 1000 }, { NULL, 0 },
};
static const struct unit size_units[] = {
	{ "k", 1 << 10 },
	{ "m", 1 << 20 },
	{ "g", 1 << 30 },
	{ NULL, 0 },
};

/* A number with one of the units behind it, or none: then *factor is 0. */
static bool parse_with_unit(struct slice text, const struct unit *units, uint64_t *number,
			    uint64_t *factor)
{
	size_t digits = 0;
	while (digits < text.len && text.at[digits] >= '0' && text.at[digits] <= '9')
		digits++;
	struct slice unit = slice_skip(text, digits);
	*factor = 0;
	if (!conf_value_parse_number(slice_of(text.at, digits), number))
		return false;
	if (unit.len == 0)
		return true;
	while (units->name != NULL && !slice_is_equal(unit, slice_of_string(units->name)))
		units++;
	*factor = units->factor;
	return units->name != NULL;
}

static bool is_in_range(const struct conf_key *key, uint64_t number, uint64_t factor,
			uint64_t *value)
{
	return !__builtin_mul_overflow(number, factor, value) && *value >= key->least &&
	       *value <= key->most;
}

static bool parse_duration(const struct conf_key *key, const struct conf_scalar *scalar,
			   uint64_t *value, struct err *why)
{
	uint64_t number, factor;
	if (!parse_with_unit(scalar->text, duration_units, &number, &factor))
		return refuse(key, scalar, why);
	if (factor == 0 && number != 0)
		return err_set(why, "'%s' needs a unit: %.20ss, %.20sms or %.20sm", key->name,
			       scalar->text.at, scalar->text.at, scalar->text.at);
	return is_in_range(key, number, factor, value) || refuse(key, scalar, why);
}

static bool parse_size(const struct conf_key *key, const struct conf_scalar *scalar,
		       uint64_t *value, struct err *why)
{
	uint64_t number, factor;
	return (parse_with_unit(scalar->text, size_units, &number, &factor) &&
		is_in_range(key, number, factor == 0 ? 1 : factor, value)) ||
	       refuse(key, scalar, why);
}

static bool parse_integer(const struct conf_key *key, const struct conf_scalar *scalar,
			  uint64_t *value, struct err *why)
{
	return (!scalar->is_quoted && conf_value_parse_number(scalar->text, value) &&
		is_in_range(key, *value, 1, value)) ||
	       refuse(key, scalar, why);
}

static bool parse_unsigned(const struct conf_key *key, const struct conf_scalar *scalar,
			   unsigned *value, struct err *why)
{
	uint64_t number = 0;
	if (!parse_integer(key, scalar, &number, why))
		return false;
	*value = (unsigned)number;
	return true;
}

static bool parse_signed(const struct conf_key *key, const struct conf_scalar *scalar,
			 int64_t *value, struct err *why)
{
	struct slice text = scalar->text;
	bool is_negative = text.len > 1 && text.at[0] == '-';
	uint64_t number;
	if (scalar->is_quoted || !conf_value_parse_number(slice_skip(text, is_negative), &number) ||
	    number > INT64_MAX)
		return refuse(key, scalar, why);
	*value = is_negative ? -(int64_t)number : (int64_t)number;
	return (*value >= (int64_t)key->least && *value <= (int64_t)key->most) ||
	       refuse(key, scalar, why);
}

static uint64_t count_processors(void)
{
	cpu_set_t set;
	/* more CPUs than the set has room for: then workers can be named as a number */
	if (sched_getaffinity(0, sizeof set, &set) == -1)
		return 1;
	return (uint64_t)CPU_COUNT(&set);
}

static bool parse_workers(const struct conf_key *key, const struct conf_scalar *scalar,
			  uint64_t *value, struct err *why)
{
	if (!slice_is_equal(scalar->text, SLICE("auto")))
		return parse_integer(key, scalar, value, why);
	*value = count_processors();
	return true;
}

/* ---- words ----------------------------------------------------------------------------------- */

static bool parse_boolean(const struct conf_key *key, const struct conf_scalar *scalar, bool *value,
			  struct err *why)
{
	*value = slice_is_equal(scalar->text, SLICE("true"));
	/* yes, on and the like are booleans to some readers of YAML and texts to others */
	if (scalar->is_quoted || (!*value && !slice_is_equal(scalar->text, SLICE("false"))))
		return refuse(key, scalar, why);
	return true;
}

static bool parse_choice(const struct conf_key *key, const struct conf_scalar *scalar,
			 unsigned *value, struct err *why)
{
	if (conf_schema_find_choice(key, scalar->text, value))
		return true;
	struct slice nearest = conf_schema_nearest_choice(key, scalar->text.at);
	if (slice_is_absent(nearest))
		return refuse(key, scalar, why);
	return err_set(why, "unknown %s '%.60s'; did you mean '%.*s'?", key->name, scalar->text.at,
		       SLICE_PRINT(nearest));
}

static bool parse_text(const struct conf_key *key, const struct conf_scalar *scalar, char **value,
		       struct err *why)
{
	for (size_t i = 0; i < scalar->text.len; i++)
		if ((unsigned char)scalar->text.at[i] <= ' ' || scalar->text.at[i] == '/')
			return refuse(key, scalar, why);
	if (scalar->text.len == 0 || scalar->text.len > NAME_MOST)
		return refuse(key, scalar, why);
	*value = (char *)arena_copy(scalar->arena, scalar->text).at;
	return true;
}

/* Every byte is one of `allowed`, or, where that is NULL, printable. */
static bool has_only(struct slice text, const char *allowed, bool blanks)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];
		bool is_printable = c > ' ' && c < 0x7f;
		if (allowed == NULL ? !is_printable && !(blanks && c == ' ')
				    : c == '\0' || strchr(allowed, c) == NULL)
			return false;
	}
	return true;
}

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define TOKEN LETTERS "0123456789!#$%&'*+-.^_`|~"
#define LINE_MOST 1000

/* A text that will stand in a head of HTTP. */
static bool parse_line(const struct conf_key *key, const struct conf_scalar *scalar, char **value,
		       struct err *why)
{
	struct slice text = scalar->text;
	bool is_line = key->type == CONF_LINE;
	const char *allowed = key->type == CONF_TOKEN ? TOKEN : NULL;
	if ((text.len == 0 && !is_line) || text.len > LINE_MOST ||
	    !has_only(text, allowed, is_line))
		return refuse(key, scalar, why);
	*value = (char *)arena_copy(scalar->arena, text).at;
	return true;
}

static bool parse_bytes(const struct conf_key *key, const struct conf_scalar *scalar, char **value,
			struct err *why)
{
	struct slice text = scalar->text;
	if (text.len == 0 || text.len > BYTES_MOST || slice_find(text, '\0') < text.len)
		return refuse(key, scalar, why);
	*value = (char *)arena_copy(scalar->arena, text).at;
	return true;
}

char *conf_value_resolve_path(const struct conf_scalar *scalar)
{
	const char *slash = strrchr(scalar->path, '/');
	if (scalar->text.at[0] == '/' || slash == NULL)
		return (char *)arena_copy(scalar->arena, scalar->text).at;
	int directory = (int)(slash - scalar->path);
	return (char *)arena_print(scalar->arena, "%.*s/%s", directory, scalar->path,
				   scalar->text.at)
		.at;
}

static bool parse_path(const struct conf_key *key, const struct conf_scalar *scalar, char **value,
		       struct err *why)
{
	if (scalar->text.len == 0 || scalar->text.len > 4000)
		return refuse(key, scalar, why);
	*value = conf_value_resolve_path(scalar);
	return true;
}

static bool parse_target(const struct conf_key *key, const struct conf_scalar *scalar, char **value,
			 struct err *why)
{
	*value = NULL;
	if (slice_is_equal(scalar->text, SLICE("off")))
		return true;
	if (!slice_is_equal(scalar->text, SLICE("stderr")))
		return parse_path(key, scalar, value, why);
	*value = (char *)arena_copy(scalar->arena, scalar->text).at;
	return true;
}

bool conf_value_is_name(struct slice text)
{
	if (text.len == 0 || text.len > NAME_MOST || text.at[0] == '.')
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = slice_lower(text.at[i]);
		bool is_letter = c >= 'a' && c <= 'z', is_digit = c >= '0' && c <= '9';
		if (!is_letter && !is_digit && c != '.' && c != '_' && c != '-')
			return false;
	}
	return true;
}

bool conf_value_parse(const struct conf_key *key, const struct conf_scalar *scalar, void *at,
		      struct err *why)
{
	switch (key->type) {
	case CONF_BOOLEAN:
		return parse_boolean(key, scalar, at, why);
	case CONF_INTEGER:
		return parse_integer(key, scalar, at, why);
	case CONF_UNSIGNED:
		return parse_unsigned(key, scalar, at, why);
	case CONF_SIGNED:
		return parse_signed(key, scalar, at, why);
	case CONF_SIZE:
		return parse_size(key, scalar, at, why);
	case CONF_DURATION:
		return parse_duration(key, scalar, at, why);
	case CONF_CHOICE:
		return parse_choice(key, scalar, at, why);
	case CONF_WORKERS:
		return parse_workers(key, scalar, at, why);
	case CONF_TEXT:
		return parse_text(key, scalar, at, why);
	case CONF_BYTES:
		return parse_bytes(key, scalar, at, why);
	case CONF_PATH:
		return parse_path(key, scalar, at, why);
	case CONF_TARGET:
		return parse_target(key, scalar, at, why);
	case CONF_TOKEN:
	case CONF_URL:
	case CONF_LINE:
		return parse_line(key, scalar, at, why);
	default:
		return refuse(key, scalar, why);
	}
}

/* ---- addresses ------------------------------------------------------------------------------- */

/* Digits behind the last colon that make a port. */
static bool has_port(struct slice text)
{
	size_t colon = text.len;
	uint64_t port;
	while (colon > 0 && text.at[colon - 1] != ':')
		colon--;
	return colon > 0 && conf_value_parse_number(slice_skip(text, colon), &port) && port > 0 &&
	       port < 65536;
}

/* Why no address with a port could be read, in the words that help most. */
static bool refuse_address(struct slice text, struct err *why)
{
	struct addr plain;
	bool is_number = text.len > 0 && strspn(text.at, "0123456789.:") == text.len;
	if (addr_parse_ip(text, &plain) && plain.family == ADDR_IPV6 && text.at[0] != '[')
		return err_set(
			why,
			"an IPv6 address stands in brackets, with its port behind: '[fd00::1]:80', not '%.60s'",
			text.at);
	if (addr_parse_ip(text, &plain))
		return err_set(why, "'%.60s' needs a port: '%.60s:80'", text.at, text.at);
	if (!is_number && has_port(text) && text.at[0] != '[' && slice_find(text, '/') == text.len)
		return err_set(
			why,
			"'%.60s' is a host name; weir needs an address here, it does not look up names yet",
			text.at);
	return err_set(why,
		       "'%.60s' is no address with a port such as '10.0.0.1:80' or '[fd00::1]:80'",
		       text.at);
}

bool conf_value_parse_address(struct slice text, struct addr *a, struct err *why)
{
	if (!addr_parse(text, a))
		return refuse_address(text, why);
	enum addr_kind kind = addr_kind(a);
	if (kind == ADDR_MAPPED) {
		char unmapped[ADDR_TEXT_BYTES];
		struct addr v4 = addr_unmap(a);
		return err_set(why, "'%.60s' is an IPv4 address in IPv6 form; write '%s'", text.at,
			       addr_format(&v4, unmapped));
	}
	if (kind == ADDR_MULTICAST || kind == ADDR_BROADCAST)
		return err_set(why, "'%.60s' is a %s address", text.at,
			       kind == ADDR_MULTICAST ? "multicast" : "broadcast");
	return true;
}

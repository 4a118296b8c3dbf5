/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/cache_policy.h"

#include "http/http_date.h"

/* ---- requests ------------------------------------------------------------------------------------- */

static bool has(const struct http_fields *f, struct slice name)
{
	return http_fields_find(f, name) != NULL;
}

void cache_wishes_read(const struct http_request *request, struct cache_wishes *w)
{
	const struct http_fields *f = &request->fields;
	cache_control_read(f, &w->control);
	/* a client of HTTP/1.0 knows no other word (RFC 9111 5.4) */
	const struct http_field *pragma = http_fields_find(f, SLICE("Pragma"));
	if (!w->control.is_there && pragma != NULL &&
	    slice_is_equal_nocase(pragma->value, SLICE("no-cache")))
		w->control.no_cache = true;
	w->is_authorized = http_fields_find_id(f, HTTP_FIELD_AUTHORIZATION) != NULL;
	w->has_cookie = http_fields_find_id(f, HTTP_FIELD_COOKIE) != NULL;
	w->has_query = !slice_is_absent(request->query);
}

/* ---- how long it is fresh --------------------------------------------------------------------------- */

/* May be stored although nothing says how long it is fresh (RFC 9110 15.1); of 206 we store nothing. */
static bool is_heuristic(unsigned status)
{
	switch (status) {
	case 200:
	case 203:
	case 204:
	case 300:
	case 301:
	case 308:
	case 404:
	case 405:
	case 410:
	case 414:
	case 501:
		return true;
	default:
		return false;
	}
}

/* What we know the meaning of (RFC 9111 3): a part of something, or no answer at all, is not stored. */
static bool is_understood(unsigned status)
{
	switch (status) {
	case 302:
	case 303:
	case 307:
	case 400:
	case 403:
	case 421:
	case 451:
	case 500:
	case 502:
	case 503:
	case 504:
		return true;
	default:
		return is_heuristic(status);
	}
}

bool cache_policy_is_error(unsigned status)
{
	return status == 500 || status == 502 || status == 503 || status == 504;
}

/* The date in the header of that name; false when it is absent or no date. More than one is none. */
static bool read_date(const struct http_fields *f, struct slice name, int64_t *seconds)
{
	const struct http_field *field = http_fields_find(f, name);
	return field != NULL && http_fields_find_next(f, field) == NULL &&
	       http_date_parse(field->value, seconds);
}

bool cache_policy_has_validator(const struct http_fields *answer)
{
	int64_t date;
	return has(answer, SLICE("ETag")) || read_date(answer, SLICE("Last-Modified"), &date);
}

static uint64_t seconds_between(int64_t from, int64_t to)
{
	if (to <= from)
		return 0;
	uint64_t seconds = (uint64_t)to - (uint64_t)from;
	return seconds < CACHE_SECONDS_MOST ? seconds : CACHE_SECONDS_MOST;
}

/* Nothing says it: a tenth of its age, where nothing hints at a person or a program behind it. */
static uint64_t guess_lifetime(const struct cache_wishes *wishes,
			       const struct http_response *answer,
			       const struct cache_limits *limits, int64_t date)
{
	int64_t modified;
	if (answer->status >= 400)
		return limits->errors;
	if (wishes->has_query || wishes->has_cookie ||
	    !read_date(&answer->fields, SLICE("Last-Modified"), &modified))
		return 0;
	return seconds_between(modified, date) / 10;
}

/* *is_said: it is the node's own word. */
static uint64_t lifetime_of(const struct cache_wishes *wishes, const struct http_response *answer,
			    const struct cache_control *control, const struct cache_limits *limits,
			    int64_t date, bool *is_said)
{
	int64_t expires;
	*is_said = true;
	if (control->s_maxage.is_given)
		return control->s_maxage.value;
	if (control->max_age.is_given)
		return control->max_age.value;
	if (has(&answer->fields, SLICE("Expires")))
		return read_date(&answer->fields, SLICE("Expires"), &expires)
			       ? seconds_between(date, expires)
			       : 0; /* "0" means long ago (5.3) */
	*is_said = false;
	return guess_lifetime(wishes, answer, limits, date);
}

/* Its first number; what is none counts for nothing (5.1). */
static uint64_t age_header(const struct http_fields *f)
{
	uint64_t seconds = 0;
	const struct http_field *field = http_fields_find(f, SLICE("Age"));
	struct slice rest = field == NULL ? SLICE_ABSENT : field->value, item;
	if (!slice_next_item(&rest, ',', &item) || item.len == 0)
		return 0;
	for (size_t i = 0; i < item.len; i++) {
		if (item.at[i] < '0' || item.at[i] > '9')
			return 0;
		seconds = seconds * 10 + (uint64_t)(item.at[i] - '0');
		if (seconds > CACHE_SECONDS_MOST)
			seconds = CACHE_SECONDS_MOST;
	}
	return seconds;
}

/* 4.2.3: what clocks and the caches before us say, whichever is more. */
static uint64_t age_when_it_came(const struct http_fields *f, const struct cache_moment *moment,
				 int64_t date)
{
	uint64_t apparent = seconds_between(date, moment->wall);
	uint64_t corrected = age_header(f) + (moment->came - moment->asked) / 1000;
	return apparent > corrected ? apparent : corrected;
}

/* ---- may it be stored? -------------------------------------------------------------------------------- */

static const char *forbidden(const struct cache_wishes *wishes, const struct http_response *answer,
			     const struct cache_control *control)
{
	bool is_no_store = control->no_store && !control->must_understand;
	if (!is_understood(answer->status))
		return "the status is not one that is stored";
	if (wishes->control.no_store)
		return "the request says no-store";
	if (is_no_store)
		return "the answer says no-store";
	if (control->is_private)
		return "the answer says private";
	if (wishes->is_authorized && !control->is_public && !control->must_revalidate &&
	    !control->s_maxage.is_given)
		return "the request has Authorization";
	if (!control->is_public &&
	    http_fields_find_id(&answer->fields, HTTP_FIELD_SET_COOKIE) != NULL)
		return "the answer sets a cookie and does not say public";
	if (answer->body != HTTP_BODY_NONE && answer->body != HTTP_BODY_LENGTH &&
	    answer->body != HTTP_BODY_CHUNKED)
		return "only the end of the connection tells where the answer ends";
	return NULL;
}

const char *cache_policy_may_store(const struct cache_wishes *wishes,
				   const struct http_response *answer,
				   const struct cache_limits *limits,
				   const struct cache_moment *moment, struct cache_facts *facts)
{
	struct cache_control control;
	int64_t date;
	bool is_said;
	cache_control_read(&answer->fields, &control);
	const char *why = forbidden(wishes, answer, &control);
	if (why != NULL)
		return why;
	if (!read_date(&answer->fields, SLICE("Date"), &date))
		date = moment->wall;
	uint64_t lifetime = lifetime_of(wishes, answer, &control, limits, date, &is_said);
	if (!is_said && !control.is_public && !is_heuristic(answer->status))
		return "nothing says how long the answer is fresh";
	*facts = (struct cache_facts){
		.stored_at = moment->came,
		.age = age_when_it_came(&answer->fields, moment, date),
		.lifetime = lifetime,
		.stale_if_error = control.stale_if_error.value,
		.status = answer->status,
		.is_strict = control.must_revalidate || control.proxy_revalidate ||
			     control.s_maxage.is_given || control.no_cache,
		.must_ask = control.no_cache,
		.is_for_all = control.is_public || control.must_revalidate ||
			      control.s_maxage.is_given,
	};
	/* how long it is kept by us, whatever it has spent in caches before */
	if (facts->lifetime > facts->age + limits->most)
		facts->lifetime = facts->age + limits->most;
	bool is_useless = facts->lifetime <= facts->age || facts->must_ask;
	if (is_useless && !cache_policy_has_validator(&answer->fields))
		return "the answer is stale at once, and nobody can be asked whether it has changed";
	return NULL;
}

/* ---- may it be used? ---------------------------------------------------------------------------------- */

uint64_t cache_policy_age(const struct cache_facts *facts, uint64_t now)
{
	return facts->age + (now > facts->stored_at ? (now - facts->stored_at) / 1000 : 0);
}

uint64_t cache_policy_left(const struct cache_facts *facts, uint64_t now)
{
	uint64_t age = cache_policy_age(facts, now);
	return facts->lifetime > age ? facts->lifetime - age : 0;
}

bool cache_policy_may_use(const struct cache_facts *facts, const struct cache_wishes *wishes,
			  uint64_t now)
{
	const struct cache_control *c = &wishes->control;
	uint64_t age = cache_policy_age(facts, now), left = cache_policy_left(facts, now);
	if (facts->must_ask || c->no_cache)
		return false;
	/* its node need not say Vary: Authorization (RFC 9110 12.5.5) */
	if (wishes->is_authorized && !facts->is_for_all)
		return false;
	/* 0 is what a reload says, which wants to hear from the node */
	if (c->max_age.is_given && (c->max_age.value == 0 || age > c->max_age.value))
		return false;
	if (c->min_fresh.is_given && left < c->min_fresh.value)
		return false;
	if (left > 0)
		return true;
	return !facts->is_strict && c->max_stale.is_given &&
	       age - facts->lifetime <= c->max_stale.value;
}

bool cache_policy_may_use_on_error(const struct cache_facts *facts,
				   const struct cache_wishes *wishes, uint64_t now)
{
	const struct cache_control *c = &wishes->control;
	uint64_t age = cache_policy_age(facts, now);
	uint64_t stale = age > facts->lifetime ? age - facts->lifetime : 0;
	uint64_t allowed = facts->stale_if_error;
	if (c->stale_if_error.is_given && c->stale_if_error.value > allowed)
		allowed = c->stale_if_error.value;
	if (facts->is_strict || c->no_cache || (wishes->is_authorized && !facts->is_for_all))
		return false;
	if (stale == 0 && cache_policy_may_use(facts, wishes, now))
		return true;
	return allowed > 0 && stale <= allowed;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/txn_persist.h"

#include "base/clock.h"
#include "http/http_session.h"
#include "http/http_write.h"
#include "pool/node_token.h"
#include "txn/txn_http.h"

/* So many sessions of one request are looked up. */
#define SESSIONS_MOST 8
#define COOKIE_BYTES (sizeof "X-Mapping-" - 1 + NODE_TOKEN_NAME_LEN)

static const struct world *world_of(const struct txn *t)
{
	return t->vserver->world;
}

static struct share_persist *sessions_of(const struct txn *t)
{
	return world_of(t)->share->persist;
}

static unsigned table_of(const struct txn_persist *p)
{
	return conf_sessions_of(p->class->type);
}

static struct persist_counts *counts_of(const struct txn *t)
{
	const struct world *w = world_of(t);
	unsigned number = (unsigned)(t->persist->class - w->conf->persistence_classes);
	return persist_counts_of(w->share->persist, w->worker, number);
}

/* ---- what tells a session ------------------------------------------------------------------------------ */

/* Keys are long or many: they are known by their hash; see table_hash for why that will do. */
static uint64_t name_of(const struct txn *t, struct slice key)
{
	const struct txn_persist *p = t->persist;
	uint64_t number = (uint64_t)(p->class - world_of(t)->conf->persistence_classes) + 1;
	uint64_t name = table_hash(key) ^ number * 0x9e3779b97f4a7c15u;
	return name + (name == 0);
}

static uint64_t name_of_client(const struct txn *t)
{
	const struct conf_persistence_class *class = t->persist->class;
	const struct addr client = addr_without_port(&t->remote);
	uint64_t bits = client.family == ADDR_IPV4 ? class->prefix_length_v4
						   : class->prefix_length_v6;
	const struct addr network = bits == 0 ? client : addr_network(&client, (unsigned)bits);
	return name_of(t, addr_key(&network));
}

static uint64_t name_of_key(const struct txn *t)
{
	const struct txn_orders *o = t->orders;
	if (o == NULL || o->persistence_key == 0)
		return 0;
	return name_of(t, slice_of((const char *)&o->persistence_key, sizeof o->persistence_key));
}

static struct http_session_search search_of(const struct conf_persistence_class *class)
{
	switch (class->type) {
	case CONF_PERSISTENCE_J2EE:
		return (struct http_session_search){ .kind = HTTP_SESSION_J2EE };
	case CONF_PERSISTENCE_ASP:
		return (struct http_session_search){ .kind = HTTP_SESSION_ASP };
	default:
		break;
	}
	return (struct http_session_search){ .kind = HTTP_SESSION_COOKIE,
					     .cookie = slice_of_string(class->cookie) };
}

/* Of several the first that some node has; else the first. Clients keep sessions that are over. */
static uint64_t name_of_application(struct txn *t)
{
	struct txn_persist *p = t->persist;
	struct http_session_search search = search_of(p->class);
	struct slice session;
	uint64_t first = 0;
	for (unsigned i = 0; i < SESSIONS_MOST && t->has_request; i++) {
		if (!http_session_next(&search, &t->request, &session))
			break;
		uint64_t name = name_of(t, session);
		p->row = persist_find(sessions_of(t), table_of(p), name, clock_milliseconds());
		if (p->row != PERSIST_NO_ROW)
			return name;
		first = first == 0 ? name : first;
	}
	return first;
}

/* ---- where it is ------------------------------------------------------------------------------------------ */

/* The client brings a session that leads nowhere. */
static struct node *lead_nowhere(struct txn *t, const char *why)
{
	t->persist->outcome = TXN_PERSIST_LOST;
	t->persist->loss = why;
	return NULL;
}

static struct node *find_address(struct txn *t, const struct addr *address)
{
	struct node *n = pool_find_host(t->pool, address);
	return n != NULL ? n : lead_nowhere(t, "the node of the session is not in the pool");
}

static struct node *find_in_table(struct txn *t, uint64_t name)
{
	struct txn_persist *p = t->persist;
	p->name = name;
	p->outcome = name == 0 ? TXN_PERSIST_WITHOUT : TXN_PERSIST_BEGUN;
	if (name == 0)
		return NULL;
	if (p->row == PERSIST_NO_ROW)
		p->row = persist_find(sessions_of(t), table_of(p), name, clock_milliseconds());
	if (p->row == PERSIST_NO_ROW)
		return NULL;
	return find_address(t, &world_find_row(world_of(t), p->row)->conf->address);
}

static struct node *find_named(struct txn *t)
{
	if (t->orders != NULL && t->orders->persistence_node.family != ADDR_NONE)
		return find_address(t, &t->orders->persistence_node);
	t->persist->outcome = TXN_PERSIST_WITHOUT;
	return NULL;
}

static struct node *find_by_application(struct txn *t)
{
	struct slice value = SLICE_ABSENT;
	struct addr address;
	if (t->has_request)
		value = http_cookie_get(&t->request.fields, SLICE("X-Zeus-Backend"));
	t->persist->outcome = TXN_PERSIST_WITHOUT;
	if (slice_is_absent(value))
		return NULL;
	if (addr_parse(value, &address) || addr_parse_ip(value, &address))
		return find_address(t, &address);
	return lead_nowhere(t, "the cookie of the session names no node");
}

/* ---- weir's own cookie ------------------------------------------------------------------------------------ */

static struct slice purpose_of(const struct txn_persist *p)
{
	return slice_of_string(p->class->named.name);
}

static struct slice cookie_name(const struct txn *t, char name[COOKIE_BYTES])
{
	char *behind = mempcpy(name, "X-Mapping-", COOKIE_BYTES - NODE_TOKEN_NAME_LEN);
	node_token_name(world_of(t)->share->node_secret, purpose_of(t->persist), behind);
	return slice_of(name, COOKIE_BYTES);
}

static struct node *find_by_cookie(struct txn *t)
{
	char text[COOKIE_BYTES];
	struct slice name = cookie_name(t, text), found, value;
	struct http_cookie_position position = { 0 };
	struct addr address;
	bool is_there = false;
	while (t->has_request && http_cookie_next(&t->request.fields, &position, &found, &value)) {
		if (!slice_is_equal(found, name))
			continue;
		is_there = true;
		if (!node_token_read(world_of(t)->share->node_secret, purpose_of(t->persist), value,
				     &address))
			continue;
		return find_address(t, &address);
	}
	if (is_there)
		return lead_nowhere(t, "the cookie of the session is none of weir's");
	t->persist->outcome = t->has_request ? TXN_PERSIST_BEGUN : TXN_PERSIST_WITHOUT;
	return NULL;
}

static struct slice cookie_line(struct txn *t, struct slice value, const char *more)
{
	char name[COOKIE_BYTES];
	const char *directives = t->persist->class->directives;
	return arena_print(&t->arena, "%.*s=%.*s; Path=/%s%s%s", SLICE_PRINT(cookie_name(t, name)),
			   SLICE_PRINT(value), more, directives[0] == '\0' ? "" : "; ", directives);
}

static void set_cookie(struct txn *t)
{
	char token[NODE_TOKEN_LEN];
	node_token_write(world_of(t)->share->node_secret, purpose_of(t->persist),
			 &t->node->conf->address, token);
	http_fields_add(&t->response.fields, &t->arena, SLICE("Set-Cookie"),
			cookie_line(t, slice_of(token, sizeof token), ""));
}

/* ---- a session is lost ------------------------------------------------------------------------------------ */

/* The answer says what has become of the session, and the client forgets it where it has to. */
static void answer_lost(struct txn *t, unsigned status, const char *url)
{
	const struct conf_persistence_class *class = t->persist->class;
	struct slice location = SLICE(""), cookie = SLICE("");
	if (url != NULL)
		location = arena_print(&t->arena, "Location: %s\r\n", url);
	if (class->type == CONF_PERSISTENCE_TRANSPARENT && class->deletes)
		cookie = arena_print(&t->arena, "Set-Cookie: %.*s\r\n",
				     SLICE_PRINT(cookie_line(t, SLICE(""), "; Max-Age=0")));
	const struct slice extra[] = { location, cookie };
	struct slice body = arena_print(&t->arena, "%u %s\n", status, http_status_words(status));
	txn_http_set_answer(t, status, SLICE_ABSENT, SLICE("text/plain"), body,
			    arena_join(&t->arena, extra, 2));
}

static void lose(struct txn *t)
{
	struct txn_persist *p = t->persist;
	const struct conf_persistence_class *class = p->class;
	bool is_new_node = class->failure_mode == CONF_FAILURE_NEW_NODE;
	stats_add(&counts_of(t)->lost, 1);
	if (!is_new_node && class->deletes && p->row != PERSIST_NO_ROW)
		persist_forget(sessions_of(t), table_of(p), p->name, p->row, clock_milliseconds());
	if (is_new_node)
		return;
	if (class->failure_mode == CONF_FAILURE_CLOSE)
		t->keep_client = false;
	if (t->has_request && t->tcp == NULL)
		answer_lost(t, class->failure_mode == CONF_FAILURE_URL ? 302 : 503, class->url);
	txn_end(t, TXN_END_SESSION_LOST, p->loss);
}

/* Can the node be used for the session that is held at it? */
static bool may_keep(struct txn *t, struct node *n)
{
	static const char *const losses[] = {
		[POOL_HOLD_TRIED] = "the node of the session did not answer",
		[POOL_HOLD_DISABLED] = "the node of the session is disabled",
		[POOL_HOLD_FAILED] = "the node of the session has failed",
	};
	enum pool_hold hold = pool_may_hold(n, &t->tried);
	t->persist->outcome = hold == POOL_HOLD_GOOD ? TXN_PERSIST_KEPT : TXN_PERSIST_LOST;
	t->persist->loss = losses[hold];
	return hold == POOL_HOLD_GOOD;
}

/* ---- the choice ------------------------------------------------------------------------------------------- */

/* Of the class in force; what was known under another one is forgotten. */
static void prepare(struct txn *t, uint32_t class_number)
{
	const struct conf_persistence_class *class =
		&world_of(t)->conf->persistence_classes[class_number - 1];
	bool is_own = t->persist != NULL && t->persist->class == class && t->persist->is_own;
	if (t->persist == NULL)
		t->persist = arena_alloc(&t->arena, sizeof *t->persist);
	*t->persist =
		(struct txn_persist){ .class = class, .row = PERSIST_NO_ROW, .is_own = is_own };
}

static struct node *find(struct txn *t)
{
	switch (t->persist->class->type) {
	case CONF_PERSISTENCE_IP:
		return find_in_table(t, name_of_client(t));
	case CONF_PERSISTENCE_UNIVERSAL:
		return find_in_table(t, name_of_key(t));
	case CONF_PERSISTENCE_COOKIE:
	case CONF_PERSISTENCE_J2EE:
	case CONF_PERSISTENCE_ASP:
		return find_in_table(t, name_of_application(t));
	case CONF_PERSISTENCE_NAMED:
		return find_named(t);
	case CONF_PERSISTENCE_TRANSPARENT:
		return find_by_cookie(t);
	case CONF_PERSISTENCE_X_ZEUS:
		break;
	}
	return find_by_application(t);
}

struct node *txn_persist_find(struct txn *t, uint32_t class_number)
{
	prepare(t, class_number);
	struct txn_persist *p = t->persist;
	struct node *n = find(t);
	if (n != NULL && may_keep(t, n)) {
		stats_add(&counts_of(t)->kept, 1);
		return n;
	}
	if (p->outcome == TXN_PERSIST_LOST && p->is_own) /* it has hardly begun */
		p->outcome = TXN_PERSIST_BEGUN;
	else if (p->outcome == TXN_PERSIST_LOST)
		lose(t);
	else if (p->outcome == TXN_PERSIST_WITHOUT)
		stats_add(&counts_of(t)->without, 1);
	else
		stats_add(&counts_of(t)->begun, 1);
	return NULL;
}

/* Holds it there unless another worker has just done so elsewhere; gives where it is held. */
static uint32_t hold(struct txn *t, const struct node *n)
{
	struct txn_persist *p = t->persist;
	unsigned displaced;
	p->row = persist_hold(sessions_of(t), table_of(p), p->name, n->row, p->row,
			      clock_milliseconds(), &displaced);
	stats_add(&counts_of(t)->displaced, displaced);
	return p->row;
}

struct node *txn_persist_hold(struct txn *t, struct node *chosen)
{
	struct txn_persist *p = t->persist;
	p->is_own = true;
	if (p->name == 0 || hold(t, chosen) == chosen->row)
		return chosen;
	struct node *n = pool_find_host(t->pool,
					&world_find_row(world_of(t), p->row)->conf->address);
	if (n != NULL && pool_may_hold(n, &t->tried) == POOL_HOLD_GOOD) {
		p->is_own = false;
		return n;
	}
	hold(t, chosen);
	return chosen;
}

/* ---- the answer ------------------------------------------------------------------------------------------- */

/* The node that gives a session has it, whoever had one of that name before. */
static void learn(struct txn *t)
{
	struct txn_persist *p = t->persist;
	struct http_session_search search = search_of(p->class);
	struct slice session;
	for (unsigned i = 0; i < SESSIONS_MOST; i++) {
		if (!http_session_next_given(&search, &t->response, &session))
			return;
		p->name = name_of(t, session);
		p->row = persist_find(sessions_of(t), table_of(p), p->name, clock_milliseconds());
		if (p->row != t->node->row)
			hold(t, t->node);
	}
}

void txn_persist_answer(struct txn *t)
{
	const struct txn_persist *p = t->persist;
	if (t->node->conf == NULL) /* a rule has sent it elsewhere since */
		return;
	switch (p->class->type) {
	case CONF_PERSISTENCE_COOKIE:
	case CONF_PERSISTENCE_J2EE:
	case CONF_PERSISTENCE_ASP:
		learn(t);
		break;
	case CONF_PERSISTENCE_TRANSPARENT:
		if (p->class->always_sets_cookie || p->outcome != TXN_PERSIST_KEPT)
			set_cookie(t);
		break;
	default:
		break;
	}
}

/* ---- in words --------------------------------------------------------------------------------------------- */

const char *txn_persist_words(struct txn *t, const char *otherwise)
{
	static const char *const words[] = {
		[TXN_PERSIST_WITHOUT] = "no session",
		[TXN_PERSIST_BEGUN] = "a new session",
		[TXN_PERSIST_KEPT] = "it has the session",
		[TXN_PERSIST_LOST] = "a lost session",
	};
	const struct txn_persist *p = t->persist;
	bool is_kept = p->outcome == TXN_PERSIST_KEPT, is_lost = p->outcome == TXN_PERSIST_LOST;
	return arena_print(&t->arena, "%s of persistence class '%s'%s%s%s%s", words[p->outcome],
			   p->class->named.name, is_lost ? ": " : "", is_lost ? p->loss : "",
			   is_kept ? "" : ", ", is_kept ? "" : otherwise)
		.at;
}

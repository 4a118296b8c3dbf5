/*
 * conf: what the configuration file says, checked and complete: every default filled in, every
 * name resolved to an index. Pure data that never changes once read; knows nothing of the runtime.
 * The keys, their types, defaults, ranges and words of explanation stand in conf_schema.def alone.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONF_H
#define WEIR_CONF_H

#include "base/arena.h"
#include "base/complaint.h"
#include "base/slice.h"
#include "base/table.h"
#include "net/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where something stands in the file, both from 1. */
struct conf_place {
	unsigned line;
	unsigned column;
};

enum conf_protocol {
	CONF_PROTOCOL_HTTP,
	CONF_PROTOCOL_TCP, /* bytes both ways from the first moment */
	CONF_PROTOCOL_CLIENT_FIRST,
	CONF_PROTOCOL_SERVER_FIRST,
	CONF_PROTOCOL_UDP,
};
enum conf_capture { CONF_CAPTURE_NONE, CONF_CAPTURE_REDIRECT, CONF_CAPTURE_TPROXY };
enum conf_log_level { CONF_LOG_DEBUG, CONF_LOG_INFO, CONF_LOG_WARN, CONF_LOG_ERROR };
enum conf_log_format { CONF_LOG_TEXT, CONF_LOG_JSON };
enum conf_on_error { CONF_ON_ERROR_FAIL, CONF_ON_ERROR_CONTINUE };
enum conf_algorithm {
	CONF_ALGORITHM_ROUND_ROBIN,
	CONF_ALGORITHM_WEIGHTED_ROUND_ROBIN,
	CONF_ALGORITHM_LEAST_CONNECTIONS,
	CONF_ALGORITHM_WEIGHTED_LEAST_CONNECTIONS,
	CONF_ALGORITHM_RANDOM,
};
enum conf_proxy_protocol {
	CONF_PROXY_PROTOCOL_NONE,
	CONF_PROXY_PROTOCOL_V1,
	CONF_PROXY_PROTOCOL_V2
};
enum conf_node_state { CONF_NODE_ACTIVE, CONF_NODE_DRAINING, CONF_NODE_DISABLED };
enum conf_on_spoof_failure { CONF_ON_SPOOF_FAILURE_FAIL, CONF_ON_SPOOF_FAILURE_PLAIN };
enum conf_etag_rewrite {
	CONF_ETAG_DELETE,
	CONF_ETAG_IGNORE,
	CONF_ETAG_WEAKEN,
	CONF_ETAG_WRAP,
};
enum conf_transparent_port { CONF_TRANSPARENT_PORT_ANY, CONF_TRANSPARENT_PORT_CLIENT };
enum conf_accept_from {
	CONF_ACCEPT_FROM_DEST_ONLY,
	CONF_ACCEPT_FROM_DEST_IP_ONLY,
	CONF_ACCEPT_FROM_IP_MASK,
	CONF_ACCEPT_FROM_ALL,
};

/* An index that stands for the built-in pool that drops the connection. */
#define CONF_POOL_DISCARD UINT32_MAX

/* A rule file; each is listed once however often it is used. */
struct conf_rule {
	char *name;              /* as in request_rules: "choose-pool" */
	char *path;              /* rules_dir/choose-pool.lua */
	struct conf_place place; /* where it is first named */
};

/* One entry of request_rules, response_rules or completion_rules; disabled ones are left out. */
struct conf_rule_use {
	uint32_t rule; /* index in conf.rules */
	uint32_t row;  /* its number among all uses of rules: where it is counted */
	bool once_per_connection;
};

struct conf_rule_uses {
	struct conf_rule_use *list;
	size_t count;
};

/* `rules:`, for all and then again for a virtual server. */
struct conf_rule_limits {
	uint64_t budget;       /* steps between two waits */
	uint64_t total_budget; /* steps of a whole run */
	uint64_t memory;       /* bytes of Lua memory of one run */
	uint64_t buffer;       /* bytes of one body */
	uint64_t wall_milliseconds;
	uint64_t max_retries; /* of one transaction, by request.retry */
	enum conf_on_error on_error;
};

struct conf_network { /* an address block such as 10.0.0.0/8 */
	struct addr base;
	unsigned prefix_bits;
};

struct conf_networks {
	struct conf_network *list;
	size_t count;
};

/* Is the address in one of them? */
bool conf_networks_hold(const struct conf_networks *networks, const struct addr *a);

enum conf_sharing { CONF_SHARING_MACHINE, CONF_SHARING_CONNECTION };

/* What rules call by its name; the beginning of each class. */
struct conf_named {
	char *name;
	struct conf_place place;
};

struct conf_bandwidth_class {
	struct conf_named named;
	uint64_t maximum; /* bytes a second */
	enum conf_sharing sharing;
};

enum conf_persistence_type {
	CONF_PERSISTENCE_IP,
	CONF_PERSISTENCE_UNIVERSAL,
	CONF_PERSISTENCE_NAMED,
	CONF_PERSISTENCE_TRANSPARENT,
	CONF_PERSISTENCE_COOKIE,
	CONF_PERSISTENCE_J2EE,
	CONF_PERSISTENCE_ASP,
	CONF_PERSISTENCE_X_ZEUS,
};
enum conf_failure_mode { CONF_FAILURE_NEW_NODE, CONF_FAILURE_URL, CONF_FAILURE_CLOSE };

struct conf_persistence_class {
	struct conf_named named;
	enum conf_persistence_type type;
	char *cookie; /* whose value is the session; for that type only */
	enum conf_failure_mode failure_mode;
	char *url;    /* for that mode only */
	bool deletes; /* `delete`: a session that fails is forgotten */
	uint64_t prefix_length_v4, prefix_length_v6; /* 0: each address is a client */
	char *directives;                            /* transparent: {directives} */
	bool always_sets_cookie;                     /* transparent: {always_set_cookie} */
};

/* `session`: what sessions are held in, one of each for types that have one. */
enum conf_sessions {
	CONF_SESSIONS_IP,
	CONF_SESSIONS_UNIVERSAL,
	CONF_SESSIONS_COOKIE,
	CONF_SESSIONS_J2EE,
	CONF_SESSIONS_ASP,
	CONF_SESSIONS_COUNT
};

struct conf_session {
	uint64_t cache_sizes[CONF_SESSIONS_COUNT];
	uint64_t cache_expiries[CONF_SESSIONS_COUNT]; /* milliseconds; 0: never */
	char *secret_file;                            /* NULL: none */
};

/* `gzip:` of a virtual server. */
struct conf_compress {
	bool enabled, no_size, brotli;
	unsigned level; /* 1 to 9 */
	enum conf_etag_rewrite etag_rewrite;
	struct slice *types; /* "text/html", "text/" and a star; none: the two that are built in */
	size_t type_count;
	uint64_t min_size, max_size; /* of a body; max_size 0 = no limit */
};

struct conf_vserver {
	char *name;
	struct conf_place place;
	struct addr *listens;
	struct conf_place *listen_places;
	size_t listen_count;
	enum conf_protocol protocol;
	enum conf_capture capture;
	/* what may be captured: all else is refused; empty: anything */
	char *capture_interface; /* NULL: any */
	struct conf_networks capture_to;
	uint16_t *capture_ports;
	size_t capture_port_count;
	struct conf_networks proxy_from; /* senders of PROXY headers; empty: there are none */
	struct conf_rule_uses request_rules, response_rules, completion_rules;
	struct conf_rule_limits rules;
	uint32_t pool;      /* index in conf.pools, or CONF_POOL_DISCARD */
	uint32_t bandwidth; /* towards clients: number in conf.bandwidth_classes, from 1; 0: none */
	uint32_t
		service_level; /* number of its connections' class in conf.slm_classes, from 1; 0: none */
	bool enabled;
	uint64_t connect_milliseconds;     /* first request head, whole; 0 = none */
	uint64_t idle_milliseconds;        /* no byte either way; 0 = none */
	uint64_t keepalive_milliseconds;   /* between two requests of a client; 0 = none */
	uint64_t body_milliseconds;        /* a whole request body; 0 = none */
	uint64_t transaction_milliseconds; /* a whole transaction; 0 = none */
	/* connection: of a client; 0 = no limit */
	bool keepalive;
	uint64_t max_requests, max_pipelined, age_milliseconds;
	uint64_t min_upload_rate, min_download_rate; /* bytes a second */
	uint64_t rate_grace_milliseconds;
	uint64_t max_client_buffer; /* bytes held from the client, and from the node */
	uint64_t max_server_buffer;
	uint64_t max_concurrent_connections, max_connections_per_client; /* 0 = no limit */
	bool add_cluster_ip, add_x_forwarded_for, add_x_forwarded_proto;
	bool strip_x_forwarded_proto, add_via;
	bool merge_slashes; /* "//" in a path is "/" */
	/* http: limits */
	uint64_t max_request_line, max_head, max_fields, max_trailer;
	uint64_t max_chunk_extension, max_informational;
	/* udp: */
	int64_t response_datagrams; /* to each datagram of a client; -1: as many as come in time */
	uint64_t udp_milliseconds;  /* without a datagram */
	bool end_point_persistence; /* a client's datagrams stay with its session's node */
	uint64_t max_sessions, max_sessions_per_client;
	bool nagle, pass_resets; /* tcp: */
	uint64_t
		probe_milliseconds; /* tcp: {keepalive}: without a byte until a side is probed; 0 = never */
	char *banner;               /* server_first_banner; NULL: none */
	bool recent_enabled, recent_save_all; /* recent_connections */
	bool cache_enabled;                   /* web_cache */
	char *cache_control_out;              /* NULL: as the node says */
	uint64_t cache_error_milliseconds, cache_most_milliseconds, cache_refresh_milliseconds;
	struct conf_compress compress;
};

struct conf_node {
	struct addr address;
	char *text; /* "10.0.0.1:80", "[fd00::1]:80": its name in rules, logs and commands */
	struct conf_place place;
	unsigned weight;   /* 1 to 100 */
	unsigned priority; /* higher is preferred */
	enum conf_node_state state;
};

struct conf_yaml;

struct conf_pool {
	char *name;
	struct conf_place place;
	struct conf_node *nodes;
	size_t node_count;
	bool original_destination; /* nodes: original_destination; then node_count is 0 */
	enum conf_algorithm algorithm;
	bool transparent;
	enum conf_on_spoof_failure on_spoof_failure;
	enum conf_transparent_port transparent_port;
	enum conf_proxy_protocol proxy_protocol; /* the header that new connections begin with */
	bool keepalive;
	bool keepalive_non_idempotent;           /* http: {keepalive_non_idempotent} */
	uint64_t max_idle_connections_pernode;   /* 0 = no limit */
	uint64_t idle_milliseconds;              /* life of an idle node connection */
	uint64_t max_requests, age_milliseconds; /* connection: to a node; 0 = no limit */
	uint64_t connect_milliseconds, reply_milliseconds;
	/* 0 = no limit; of all workers together */
	uint64_t max_connections_per_node, max_transactions_per_node, max_queue_size;
	uint64_t queue_milliseconds; /* 0 = nobody waits */
	uint32_t failure_pool; /* number in conf.pools, from 1, or CONF_POOL_DISCARD; 0: none */
	const struct conf_yaml *failure_pool_named; /* while the file is read */
	uint64_t max_connection_attempts;           /* 0 = every node */
	uint64_t max_timed_out_connection_attempts; /* 0 = every node */
	uint32_t bandwidth;                         /* towards nodes, as of a virtual server */
	uint32_t persistence; /* number in conf.persistence_classes, from 1; 0: none */
	bool passive_monitoring;
	uint64_t node_connection_attempts; /* failures in a row that make a node failed */
	uint64_t retry_fail_milliseconds;  /* node: {retry_fail_time} */
	bool nagle;
	enum conf_accept_from accept_from;    /* udp: */
	struct conf_network accept_from_mask; /* base.family ADDR_NONE: none given */
	uint64_t response_milliseconds;       /* udp: {response_timeout}; 0 = none */
};

struct conf_rate_class {
	struct conf_named named;
	uint64_t max_rate_per_second, max_rate_per_minute; /* 0 = no such limit */
	uint64_t max_queue;                                /* who may wait in each worker */
};

struct conf_slm_class {
	struct conf_named named;
	uint64_t response_milliseconds;
	uint64_t warning_threshold, serious_threshold; /* percent */
};

struct conf {
	char *path;                   /* of the file, as given */
	struct slice text;            /* of the file, as it was read */
	uint64_t workers;             /* "auto" is already the number of CPUs */
	char *user;                   /* NULL: stay who we are */
	struct conf_place user_place; /* line 0: the file does not name one */
	char *rules_dir;     /* absolute or relative to the working directory: ready to open */
	char *resources_dir; /* NULL: none */
	char *geo_database;  /* NULL: none */
	struct conf_place resources_place, geo_place; /* line 0: the file does not name it */
	char *control;
	struct conf_place control_place; /* line 0: the file does not name it */
	enum conf_log_level log_level;
	enum conf_log_format log_format;
	uint64_t log_rule_rate; /* lines a second per rule and worker */
	char *access_log;       /* NULL: off; "stderr"; or a path */
	uint64_t shutdown_milliseconds, watchdog_milliseconds;
	uint64_t max_connections;   /* of clients, all virtual servers together; 0 = no limit */
	uint64_t idle_milliseconds; /* connection: {idle_timeout}; each pool has it too */
	struct addr *dns_servers;   /* dns: {servers}; none: those of the system */
	size_t dns_server_count;
	uint64_t dns_milliseconds; /* dns: {timeout} */
	uint64_t recent_most;      /* recent_connections: of each worker */
	/* web_cache: bytes and answers in it, and of each the body (0: a fiftieth of it all) and URI */
	uint64_t cache_size, cache_files, cache_file_size, cache_path_length;
	bool cache_sorts_query, cache_verbose;
	uint64_t data_size,
		data_local_size; /* data: bytes of entries, for all workers and for each */
	uint64_t data_kept_size; /* data: bytes of Lua memory between runs, of each */
	struct conf_bandwidth_class *bandwidth_classes;
	size_t bandwidth_class_count;
	struct conf_rate_class *rate_classes;
	size_t rate_class_count;
	struct conf_slm_class *slm_classes;
	size_t slm_class_count;
	struct conf_persistence_class *persistence_classes;
	size_t persistence_class_count;
	struct conf_session session;
	struct conf_place secret_place; /* line 0: the file does not name a secret_file */
	struct conf_rule_limits rule_limits;
	struct conf_rule *rules;
	size_t rule_count;
	size_t rule_use_count; /* of all virtual servers and phases */
	struct conf_vserver *vservers;
	size_t vserver_count;
	struct conf_pool *pools;
	size_t pool_count;
	struct table pools_by_name; /* their names -> struct conf_pool */
	struct arena memory;        /* all that the pointers in here lead to */
};

/*
 * Reads and checks the file. NULL when it has errors, which are all in `complaints` (warnings may
 * be there in either case). The rule files are looked for, not read.
 */
struct conf *conf_read(const char *path, struct complaints *complaints);

/*
 * The same, but what could be read is given although there are errors, incomplete as it is: only
 * good for finding more errors. NULL when nothing could be read.
 */
struct conf *conf_read_anyway(const char *path, struct complaints *complaints);

/* conf_read from memory; `path` names it in complaints and is what relative paths are relative to. */
struct conf *conf_read_text(const char *path, struct slice text, struct complaints *complaints);

/*
 * Do the files that both were read from say the same? Comments and layout aside; if not, `place` is
 * where `now` says something else for the first time (line 0: something is missing).
 */
bool conf_is_same(const struct conf *before, const struct conf *now, struct conf_place *place);

/* NULL is fine. */
void conf_free(struct conf *c);

/* The pool of that name; conf.pool_count when there is none; CONF_POOL_DISCARD for "discard". */
uint32_t conf_find_pool(const struct conf *c, struct slice name);

/* The number, from 1, of the bandwidth class of that name; 0 when there is none. */
uint32_t conf_find_bandwidth_class(const struct conf *c, struct slice name);

/* The same for persistence classes. */
uint32_t conf_find_persistence_class(const struct conf *c, struct slice name);

/* What sessions of the type are held in; CONF_SESSIONS_COUNT: nothing, the client says where they are. */
enum conf_sessions conf_sessions_of(enum conf_persistence_type type);

/* The class of that name, or NULL. */
const struct conf_rate_class *conf_find_rate_class(const struct conf *c, struct slice name);
const struct conf_slm_class *conf_find_slm_class(const struct conf *c, struct slice name);

/* Writes the JSON Schema, and the reference of all keys in Markdown, from the same table. */
void conf_write_schema(FILE *to);
void conf_write_reference(FILE *to);

#endif

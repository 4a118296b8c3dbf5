/*
 * conf_schema: the one table of all keys. Parsing, checking, defaults, the JSON Schema and the
 * reference of keys all come from it: to add a key, add a row to conf_schema.def (and its field to
 * conf.h); nothing else. conf_later.def holds the names that weir only knows to refuse well.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONF_SCHEMA_H
#define WEIR_CONF_SCHEMA_H

#include "base/complaint.h"
#include "base/slice.h"
#include "conf/conf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The mappings that a file is made of. */
enum conf_section {
#define SECTION(section, structure, where, words) CONF_IN_##section,
#include "conf/conf_schema.def"
	CONF_IN_COUNT,
};

/* What a key takes, and the type of the field that it sets. */
enum conf_type {
	CONF_BOOLEAN,         /* bool */
	CONF_INTEGER,         /* uint64_t */
	CONF_UNSIGNED,        /* unsigned */
	CONF_SIGNED,          /* int64_t, and so are `least` and `most` */
	CONF_SIZE,            /* uint64_t, bytes */
	CONF_DURATION,        /* uint64_t, milliseconds */
	CONF_CHOICE,          /* an enum whose values are in the order of the words, from 0 */
	CONF_WORKERS,         /* uint64_t; auto or a number */
	CONF_TEXT,            /* char *; a word without blanks */
	CONF_BYTES,           /* char *; whatever it is, without NUL */
	CONF_PATH,            /* char *; relative to the file */
	CONF_TARGET,          /* char *; off (NULL), stderr or a path */
	CONF_TOKEN,           /* char *; what HTTP calls so (RFC 9110 5.6.2) */
	CONF_URL,             /* char *; a URL, or a part of one */
	CONF_LINE,            /* char *; printable, with blanks, maybe empty */
	CONF_POOL_NAME,       /* uint32_t, an index */
	CONF_LATER_POOL_NAME, /* const struct conf_yaml *; of a pool that may stand further down */
	CONF_RULE_NAME,       /* const struct conf_yaml * */
	CONF_ADDRESS,         /* struct addr of a node */
	CONF_LISTENS,         /* of a struct conf_vserver */
	CONF_NETWORK,         /* struct conf_network */
	CONF_NETWORKS,        /* struct conf_networks */
	CONF_PORTS,           /* of a struct conf_vserver: capture_ports */
	CONF_SERVERS,         /* of a struct conf: dns_servers */
	CONF_MEDIA_TYPES,     /* of a struct conf_vserver: compress.types */
	CONF_RULE_USES,       /* struct conf_rule_uses */
	CONF_NODES,           /* of a struct conf_pool */
	CONF_CAPTURE,         /* of a struct conf_vserver; the mode alone, or the section below */
	CONF_MAPPING,         /* the section below, whose struct lies at the offset */
	CONF_VSERVERS,        /* of a struct conf: name -> section below */
	CONF_POOLS,           /* of a struct conf: name -> section below */
	CONF_BANDWIDTH_CLASSES,   /* of a struct conf: name -> section below */
	CONF_BANDWIDTH_NAME,      /* uint32_t, the number of a class from 1 */
	CONF_RATE_CLASSES,        /* of a struct conf: name -> section below */
	CONF_SLM_CLASSES,         /* of a struct conf: name -> section below */
	CONF_SLM_NAME,            /* uint32_t, the number of a class from 1 */
	CONF_PERSISTENCE_CLASSES, /* of a struct conf: name -> section below */
	CONF_PERSISTENCE_NAME,    /* uint32_t, the number of a class from 1 */
};

enum conf_key_flag {
	CONF_REQUIRED = 1,
	CONF_INHERITS = 2, /* a mapping whose defaults are what the file says at the top */
};

/* One row of the table. */
struct conf_key {
	const char *name;
	size_t offset;
	const char *preset;   /* the default, as in a file; NULL: none */
	uint64_t least, most; /* of numbers; durations in milliseconds */
	const char *choices;  /* words with one blank between them */
	const char *words;    /* for people; no pipe sign, it stands in a table */
	enum conf_section section;
	enum conf_type type;
	enum conf_section below;
	unsigned flags;
};

struct conf_yaml;

enum conf_run { CONF_RUN_EVERY, CONF_RUN_ONCE_PER_CONNECTION };

/* One entry of request_rules and the like while it is read. */
struct conf_rule_entry {
	const struct conf_yaml *rule; /* a scalar that is fit to be a name */
	enum conf_run run;
	bool enabled;
};

/* Keys in a section are never more. */
#define CONF_KEYS_MOST 40

/* The rows of a section lie together, in the order in which they must be read. */
const struct conf_key *conf_schema_keys(enum conf_section section, size_t *count);

/* How the section is written in a file ("virtual_servers: NAME: timeouts"), and what it is for. */
const char *conf_schema_where(enum conf_section section);
const char *conf_schema_words(enum conf_section section);

/* The row of that name, or NULL. */
const struct conf_key *conf_schema_find(enum conf_section section, struct slice name);

/* The key of the section whose mapping has that name: connection, for max_requests. NULL: none. */
const struct conf_key *conf_schema_find_home(enum conf_section section, struct slice name);

/* The name in the section that was likely meant, or NULL. */
const char *conf_schema_nearest(enum conf_section section, const char *name);

/* The number of a word among the choices of a key; false if it is none of them. */
bool conf_schema_find_choice(const struct conf_key *key, struct slice word, unsigned *number);

/* The choice that was likely meant, with its length; absent if none. */
struct slice conf_schema_nearest_choice(const struct conf_key *key, const char *word);

/* How much weir knows of a name that is no key of its own. */
enum conf_familiarity { CONF_UNKNOWN, CONF_LATER, CONF_INSTEAD };

/*
 * Is this a name of weir's contract or of the Virtual Traffic Manager: "key", "key.key below it" or
 * "key: value"? With CONF_INSTEAD, *instead is how weir's file says it.
 */
enum conf_familiarity conf_schema_recognise(enum conf_section section, const char *name,
					    const char **instead);

#endif

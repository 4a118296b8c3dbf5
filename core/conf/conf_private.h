/*
 * conf_private: what the files of this room share while a file is read.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONF_PRIVATE_H
#define WEIR_CONF_PRIVATE_H

#include "base/complaint.h"
#include "base/table.h"
#include "conf/conf.h"
#include "conf/conf_yaml.h"

/* One reading of one file; whoever reads owns the conf until it is whole. */
struct conf_reader {
	struct conf *conf;
	struct complaints *complaints;
	struct table rules; /* name -> what conf_list knows of it */
};

#define CONF_COMPLAIN(r, place, ...) \
	complaints_add((r)->complaints, (r)->conf->path, (place).line, (place).column, __VA_ARGS__)
#define CONF_WARN(r, place, ...) \
	complaints_warn((r)->complaints, (r)->conf->path, (place).line, (place).column, __VA_ARGS__)

/* The items of a list; or the one value that stands for a list of one. */
struct conf_items {
	const struct conf_yaml *single;
	const struct conf_yaml_entry *next;
	size_t count;
};

struct conf_items conf_items_of(const struct conf_yaml *value);

/* The next one, or NULL. */
const struct conf_yaml *conf_items_take(struct conf_items *items);

/* "a list", "a mapping" or "the text 'x'": what stands where something else should. */
#define CONF_FOUND_BYTES 80
const char *conf_describe(const struct conf_yaml *value, char out[CONF_FOUND_BYTES]);

#endif

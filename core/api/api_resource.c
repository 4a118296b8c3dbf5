/* resource.*: files that were read at start (resources_dir). */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_private.h"

#include "lookup/resources.h"

#include <openssl/evp.h>

/* The file that argument 1 names; NULL when there is none. */
static const struct resource *file_argument(struct rule_call *call)
{
	const struct resources *all = api_world(call)->resources;
	struct slice name = rule_argument_string(call, 1);
	return all == NULL ? NULL : resources_find(all, name);
}

static enum rule_answer fail(struct rule_call *call)
{
	api_warn(call, "there is no resource '%.*s'", SLICE_PRINT(rule_argument_string(call, 1)));
	return api_fail(call, "no such resource");
}

static enum rule_answer exists(struct rule_call *call)
{
	rule_push_boolean(call, file_argument(call) != NULL);
	return RULE_RETURN;
}

static enum rule_answer get(struct rule_call *call)
{
	const struct resource *file = file_argument(call);
	if (file == NULL)
		return fail(call);
	rule_spend(call, file->len);
	rule_push_string(call, slice_of(file->bytes, file->len));
	return RULE_RETURN;
}

static enum rule_answer get_lines(struct rule_call *call)
{
	const struct resource *file = file_argument(call);
	if (file == NULL)
		return fail(call);
	struct slice rest = slice_of(file->bytes, file->len);
	rule_spend(call, rest.len);
	rule_push_table(call);
	while (rest.len > 0) {
		size_t len = slice_find(rest, '\n');
		struct slice line = slice_of(rest.at, len);
		if (line.len > 0 && line.at[line.len - 1] == '\r')
			line.len--;
		rule_spend(call, 256); /* as much as a loop's turn */
		rule_table_append(call, line);
		rest = slice_skip(rest, len < rest.len ? len + 1 : len);
	}
	return RULE_RETURN;
}

static enum rule_answer get_md5(struct rule_call *call)
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	const struct resource *file = file_argument(call);
	if (file == NULL)
		return fail(call);
	rule_spend(call, 2 * file->len);
	if (EVP_Digest(file->bytes, file->len, bytes, &len, EVP_md5(), NULL) != 1)
		rule_error(call, "OpenSSL cannot hash");
	rule_push_string(call, slice_of((const char *)bytes, len));
	return RULE_RETURN;
}

static enum rule_answer get_mtime(struct rule_call *call)
{
	const struct resource *file = file_argument(call);
	if (file == NULL)
		return fail(call);
	rule_push_integer(call, file->modified);
	return RULE_RETURN;
}

#define NAME "name: string"

/* clang-format off */
static const struct rule_function functions[] = {
	{ "resource.exists", exists, RULE_IN_ANY, NAME, "boolean",
	  "Is there a file of that name in `resources_dir`? Its files are read when weir starts: plain "
	  "files without subfolders, at most 64 MiB together.", "resource.exists" },
	{ "resource.get", get, RULE_IN_ANY, NAME, "string|nil, string|nil reason",
	  "The contents of the file; nil and a reason, and a warning in the log, when there is none.",
	  "resource.get" },
	{ "resource.getLines", get_lines, RULE_IN_ANY, NAME, "string[]|nil, string|nil reason",
	  "Its lines, without what ends them (LF or CRLF); as resource.get when there is none.",
	  "resource.getLines" },
	{ "resource.getMD5", get_md5, RULE_IN_ANY, NAME, "string|nil, string|nil reason",
	  "The MD5 hash of its contents as raw bytes; as resource.get when there is none.",
	  "resource.getMD5" },
	{ "resource.getMTime", get_mtime, RULE_IN_ANY, NAME, "integer|nil, string|nil reason",
	  "When it was last changed before it was read, in seconds since 1970; as resource.get when there "
	  "is none.", "resource.getMTime" },
};
/* clang-format on */

API_FAMILY(api_resource, functions);

/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/rule_check.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* What TrafficScript had, or other Lua programs have, and a rule writes in another way. */
static const struct {
	const char *name, *instead;
} replacements[] = {
	{ "string.append", "a .. b" },
	{ "string.length", "#s" },
	{ "string.lowercase", "s:lower()" },
	{ "string.uppercase", "s:upper()" },
	{ "string.left", "s:sub(1, n)" },
	{ "string.right", "s:sub(-n)" },
	{ "string.substring", "s:sub(first, last)" },
	{ "string.skip", "s:sub(n + 1)" },
	{ "string.drop", "s:sub(1, -n - 1)" },
	{ "string.sprintf", "string.format(format, ...)" },
	{ "string.cmp", "a < b, a == b" },
	{ "string.hash", "string.hashSHA256(s)" },
	{ "string.dump", "nothing: bytecode is never loaded" },
	{ "string.Ireplace", "string.replaceI(s, part, new)" },
	{ "string.IreplaceAll", "string.replaceAllI(s, part, new)" },
	{ "lang.toString", "tostring(v)" },
	{ "lang.toInt", "math.floor(tonumber(v))" },
	{ "lang.toDouble", "tonumber(v)" },
	{ "lang.toArray", "{a, b}" },
	{ "lang.toHash", "{name = a, other = b}" },
	{ "lang.chr", "string.char(n)" },
	{ "lang.tochar", "string.char(n)" },
	{ "lang.ord", "string.byte(s)" },
	{ "lang.max", "math.max(a, b)" },
	{ "lang.min", "math.min(a, b)" },
	{ "lang.isarray", "type(v) == \"table\"" },
	{ "lang.ishash", "type(v) == \"table\"" },
	{ "lang.assert", "assert(v, message)" },
	{ "lang.dump", "log.info(tostring(v))" },
	{ "lang.warn", "log.warn(text)" },
	{ "lang",
	  "tostring, tonumber, string.char, string.byte, math.max, math.min, type or assert" },
	{ "array.create", "{}" },
	{ "array.append", "a loop over table.insert(t, v)" },
	{ "array.copy", "{unpack(t)}" },
	{ "array.filter", "a loop" },
	{ "array.join", "table.concat(t, separator)" },
	{ "array.length", "#t" },
	{ "array.push", "table.insert(t, v)" },
	{ "array.pop", "table.remove(t)" },
	{ "array.shift", "table.remove(t, 1)" },
	{ "array.unshift", "table.insert(t, 1, v)" },
	{ "array.resize", "t[n] = nil" },
	{ "array.reverse", "a loop" },
	{ "array.sort", "table.sort(t)" },
	{ "array.sortNumerical", "table.sort(t)" },
	{ "array.splice", "table.insert and table.remove" },
	{ "array.contains", "a loop, or a table with the values as keys" },
	{ "array", "a table: {}, #t, table.insert, table.remove, table.sort, table.concat" },
	{ "hash.count", "a loop over pairs(t)" },
	{ "hash.delete", "t[key] = nil" },
	{ "hash.contains", "t[key] ~= nil" },
	{ "hash.empty", "t = {}" },
	{ "hash.keys", "a loop over pairs(t)" },
	{ "hash.values", "a loop over pairs(t)" },
	{ "hash", "a table: {}, t[key], pairs(t)" },
	{ "connection.getBandwidthClass", "request.getBandwidthClass()" },
	{ "connection.getData", "request.get(count)" },
	{ "connection.getDataLen", "request.getLength()" },
	{ "connection.getLine", "request.getLine(regex, offset)" },
	{ "connection.getLocalIP", "request.getLocalIP()" },
	{ "connection.getLocalPort", "request.getLocalPort()" },
	{ "connection.getRemoteIP", "request.getRemoteIP()" },
	{ "connection.getRemotePort", "request.getRemotePort()" },
	{ "connection.setBandwidthClass", "request.setBandwidthClass(name)" },
	{ "connection.setData", "request.set(data)" },
	{ "connection.setIdempotent", "request.setIdempotent(resend)" },
	{ "http.cookie", "http.getCookie(name)" },
	{ "http.getFormParamNames", "http.listFormParamNames()" },
	{ "http.getHeaderNames", "http.listHeaderNames()" },
	{ "http.getResponseHeaderNames", "http.listResponseHeaderNames()" },
	{ "request.getLogEnabled", "requestlog.markedForInclusion()" },
	{ "request.setLogEnabled", "requestlog.include() or requestlog.exclude()" },
	{ "request.getToS", "request.getDSCP()" },
	{ "request.setToS", "request.setDSCP(dscp)" },
	{ "response.getToS", "response.getDSCP()" },
	{ "response.setToS", "response.setDSCP(dscp)" },
	{ "math.ln", "math.log(x)" },
	{ "math.fabs", "math.abs(x)" },
	{ "math.rint", "math.floor(x + 0.5)" },
	{ "data.local", "data.local_" },
	{ "sys.getenv", "nothing: a rule does not see the process's environment" },
	{ "sys.getnetworkinterfaces", "nothing: a rule does not see the machine's interfaces" },
	{ "sys.getRestApiPort", "nothing: the admin API is none of a rule's business" },
	{ "sys.isFIPS", "nothing: there is no such mode" },
	{ "print", "log.info(text)" },
	{ "io", "log.info(text) to say something; a rule reads no files" },
	{ "os.getenv", "nothing: a rule does not see the process's environment" },
	{ "os", "os.time, os.date, os.clock or os.difftime" },
	{ "loadstring", "load(text)" },
	{ "dofile", "require(\"name\")" },
	{ "loadfile", "require(\"name\")" },
	{ "package", "require(\"name\")" },
	{ "table.getn", "#t" },
	{ "table.foreach", "a loop over pairs(t)" },
	{ "table.foreachi", "a loop over ipairs(t)" },
	{ "setfenv", "nothing: a rule's globals are fixed" },
	{ "getfenv", "nothing: a rule's globals are fixed" },
	{ "module", "a table that the file returns" },
	{ "collectgarbage", "nothing: memory is taken care of" },
	{ "ffi", "nothing: a rule does not reach outside of Lua" },
	{ "jit", "nothing: compilation is always on" },
	{ "debug", "nothing: an error's traceback is in the log" },
};

/* Families and functions of the original that are still to come. */
static const char *const later[] = {
	"auth",
	"geo.getLocation",
	"geo.getLocationLonLat",
	"glb",
	"http.aptimizer",
	"http.kerberos",
	"java",
	"rtsp",
	"sip",
	"ssl.clientCert",
	"ssl.clientCertAlgorithm",
	"ssl.clientCertChain",
	"ssl.clientCertCommonName",
	"ssl.clientCertEndDate",
	"ssl.clientCertHash",
	"ssl.clientCertIssuer",
	"ssl.clientCertPublicKey",
	"ssl.clientCertSHA1",
	"ssl.clientCertSerial",
	"ssl.clientCertSerialDec",
	"ssl.clientCertStartDate",
	"ssl.clientCertStatus",
	"ssl.clientCertSubject",
	"ssl.clientCertVersion",
	"ssl.clientCipher",
	"ssl.clientSupportsSecureRenegotiation",
	"ssl.getClientCloseAlert",
	"ssl.getServerCloseAlert",
	"ssl.requestCert",
	"ssl.requireCert",
	"ssl.serverCert",
	"ssl.serverCertAlgorithm",
	"ssl.serverCertCommonName",
	"ssl.serverCertEndDate",
	"ssl.serverCertHash",
	"ssl.serverCertIssuer",
	"ssl.serverCertName",
	"ssl.serverCertPublicKey",
	"ssl.serverCertSHA1",
	"ssl.serverCertSerial",
	"ssl.serverCertStartDate",
	"ssl.serverCertSubject",
	"ssl.serverCertVersion",
	"ssl.serverSiteName",
	"ssl.setClientCloseAlert",
	"ssl.setServerCloseAlert",
	"ssl.setTLSServerName",
	"ssl.sslSessionID",
	"xml",
};

struct place {
	const struct rule_vm *vm;
	const struct rule_use *use;
	const char *path;
	unsigned phases;
	struct complaints *complaints;
};

#define complain(place, ...) \
	complaints_add((place)->complaints, (place)->path, (place)->use->line, \
		       (place)->use->column, __VA_ARGS__)

/* In TrafficScript case does not count. */
static const char *instead_of(const char *name)
{
	for (size_t i = 0; i < sizeof replacements / sizeof *replacements; i++)
		if (strcasecmp(replacements[i].name, name) == 0)
			return replacements[i].instead;
	return NULL;
}

/* Also of a family that is there with some of its functions. */
static bool is_later(const char *name)
{
	for (size_t i = 0; i < sizeof later / sizeof *later; i++) {
		size_t len = strlen(later[i]);
		if (strncmp(name, later[i], len) == 0 && (name[len] == '\0' || name[len] == '.'))
			return true;
	}
	return false;
}

static const char *last_part(const char *path)
{
	const char *dot = strrchr(path, '.');
	return dot == NULL ? path : dot + 1;
}

/* The nearest of the names in the family that `name` stands in. */
static const char *nearest_sibling(const struct rule_vm *vm, const char *name)
{
	size_t family_len = (size_t)(last_part(name) - name), count = 0;
	const char **parts = memory_new(vm->name_count, sizeof *parts);
	for (size_t i = 0; i < vm->name_count; i++)
		if (strncmp(vm->name_list[i], name, family_len) == 0 &&
		    strchr(vm->name_list[i] + family_len, '.') == NULL)
			parts[count++] = vm->name_list[i] + family_len;
	const char *near = complaint_nearest(name + family_len, parts, count);
	free(parts);
	return near == NULL ? NULL : near - family_len;
}

/* What was most likely meant by `path`, of which `unknown` is the beginning that is not known. */
static const char *nearest(const struct rule_vm *vm, const char *path, const char *unknown)
{
	for (size_t i = 0; i < vm->name_count; i++)
		if (strcasecmp(vm->name_list[i], path) == 0)
			return vm->name_list[i];
	const char *near = nearest_sibling(vm, unknown);
	if (near != NULL && strcmp(path, unknown) == 0)
		return near;
	/* the right name in the wrong family */
	for (size_t i = 0; strchr(path, '.') != NULL && i < vm->name_count; i++)
		if (strchr(vm->name_list[i], '.') != NULL &&
		    strcasecmp(last_part(vm->name_list[i]), last_part(path)) == 0)
			return vm->name_list[i];
	return near;
}

/* `name` is not known; the whole path that was written may say more. */
static void complain_unknown(const struct place *place, const char *name)
{
	const char *path = place->use->path;
	const char *instead = instead_of(path);
	if (instead == NULL)
		instead = instead_of(name);
	const char *near = nearest(place->vm, path, name);
	if (instead != NULL)
		complain(place, "'%s' does not exist here; write %s", path, instead);
	else if (is_later(name))
		complain(place, "weir does not have '%s' yet", path);
	else if (near != NULL)
		complain(place, "unknown %s '%s'; did you mean '%s'?",
			 strchr(path, '.') != NULL ? "name" : "global", path, near);
	else if (strchr(name, '.') == NULL)
		complain(place, "unknown global '%s'; declare it local", name);
	else
		complain(place, "unknown name '%s'", name);
}

struct slice rule_check_elsewhere(const struct rule_function *function, enum rule_protocol protocol)
{
	const char *end = strstr(function->words, ". ");
	bool is_for_http = (function->phases & RULE_NOT_ON(RULE_HTTP)) == 0;
	if (protocol == RULE_UDP) {
		bool is_for_tcp = (function->phases & RULE_NOT_ON(RULE_TURNS)) == 0;
		return is_for_tcp ? SLICE("for connections, which UDP has not")
				  : SLICE("for HTTP, not for UDP");
	}
	if (protocol != RULE_HTTP && is_for_http)
		return SLICE("for HTTP, not for TCP");
	if (protocol == RULE_STREAM)
		return SLICE(
			"for requests and responses in turns: protocol client_first or server_first");
	return end == NULL ? slice_of_string(function->words)
			   : slice_of(function->words, (size_t)(end - function->words));
}

static const char *const phase_names[] = { "request", "response", "completion" };

static void judge_phase(const struct place *place, const struct rule_function *function)
{
	for (enum rule_protocol protocol = RULE_HTTP; protocol < RULE_PROTOCOL_COUNT; protocol++)
		if ((place->phases & function->phases & RULE_OF(protocol)) != 0) {
			complain(place, "'%s': %.*s", function->name,
				 SLICE_PRINT(rule_check_elsewhere(function, protocol)));
			return;
		}
	for (unsigned phase = RULE_REQUEST; phase <= RULE_COMPLETION; phase++)
		if ((place->phases & 1u << phase) != 0 && (function->phases & 1u << phase) == 0)
			complain(place, "'%s' makes no sense in a %s rule", function->name,
				 phase_names[phase]);
}

static void judge_known(const struct place *place, const struct rule_known *known, bool is_whole)
{
	const struct rule_use *use = place->use;
	if (use->kind == RULE_USE_WRITE) {
		if (is_whole && strchr(known->name, '.') == NULL)
			complain(place, "cannot assign to '%s': it is given to all rules",
				 known->name);
		else
			complain(place, "cannot change '%s': what rules are given is read-only",
				 use->path);
	} else if (use->kind == RULE_USE_METHOD && is_whole && known->is_family) {
		complain(place, "write '%s.%s' with a dot", use->path, use->method);
	} else if (use->kind == RULE_USE_CALL && is_whole && !known->is_function) {
		complain(place, "'%s' is not a function", use->path);
	} else if (known->function != NULL && place->phases != 0) {
		judge_phase(place, known->function);
	}
}

static void judge(const struct place *place)
{
	const struct rule_use *use = place->use;
	const struct rule_known *known = NULL;
	const char *dot = use->path;
	bool is_whole;
	char name[256];
	do {
		dot = strchrnul(dot, '.');
		is_whole = *dot == '\0';
		int len = snprintf(name, sizeof name, "%.*s", (int)(dot - use->path), use->path);
		if (len >= (int)sizeof name) {
			complain(place, "unknown name '%.40s...'", use->path);
			return;
		}
		const struct rule_known *longer = rule_vm_known(place->vm, name);
		if (longer == NULL && known == NULL && use->kind == RULE_USE_WRITE && is_whole) {
			complain(place, "assignment to global '%s'; declare it local", name);
			return;
		}
		if (longer == NULL) {
			if (use->kind == RULE_USE_WRITE && known != NULL)
				judge_known(place, known, false);
			else
				complain_unknown(place, name);
			return;
		}
		known = longer;
		dot++;
	} while (!is_whole && known->is_family);
	judge_known(place, known, is_whole);
}

void rule_check(const struct rule_vm *vm, const struct rule_parsed *parsed, const char *path,
		unsigned phases, struct complaints *complaints)
{
	for (size_t i = 0; i < parsed->use_count; i++) {
		struct place place = { vm, &parsed->uses[i], path, phases, complaints };
		judge(&place);
	}
}

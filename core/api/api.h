/*
 * api: the functions that rules can call, as tables: one file per family, one row per function. The
 * rows are all that is known of a function: what runs, in which phases, its arguments, results and
 * words. The editor stubs and the reference are written from them. Only Lua calls this room.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_API_H
#define WEIR_API_H

#include "rule/rule.h"

#include <stdio.h>

/* A family's rows. */
struct api_family {
	const struct rule_function *functions;
	size_t count;
};

extern const struct api_family api_http_request;  /* http.*: the request line, headers, cookies */
extern const struct api_family api_http_response; /* http.*: the response line, headers, cookies */
extern const struct api_family api_http_answer;   /* http.sendResponse, redirect, changeSite */
extern const struct api_family api_http_body;     /* http.*: bodies */
extern const struct api_family api_http_form;     /* http.*: forms and multipart bodies */
extern const struct api_family api_http_stream;   /* http.stream.* */
extern const struct api_family api_http_compress; /* http.compress.* */
extern const struct api_family api_http_cache;    /* http.cache.* */
extern const struct api_family api_request;       /* request.* */
extern const struct api_family api_orders;     /* request.*: orders; requestlog.*, recentconns.* */
extern const struct api_family api_response;   /* response.* */
extern const struct api_family api_stream;     /* request.*, response.*: bytes of TCP and UDP */
extern const struct api_family api_connection; /* connection.*, connection.data.* */
extern const struct api_family api_persist;    /* connection.*: session persistence */
extern const struct api_family api_pool;       /* pool.* */
extern const struct api_family api_data;       /* data.*, data.local_.* */
extern const struct api_family api_rate;       /* rate.* */
extern const struct api_family api_counter;    /* counter.*, counter64.* */
extern const struct api_family api_slm;        /* slm.*, stats.*, the class of a connection */
extern const struct api_family api_log;        /* log.*, rule.* */
extern const struct api_family api_string;     /* string.*: comparing, searching, replacing */
extern const struct api_family api_string_address; /* string.*: addresses, address blocks */
extern const struct api_family api_string_encode;  /* string.*: encodings */
extern const struct api_family api_string_number;  /* string.*: numbers and dates */
extern const struct api_family api_string_hash;    /* string.*: hashes, random bytes */
extern const struct api_family api_dns;            /* net.dns.* */
extern const struct api_family api_tcp;            /* tcp.* */
extern const struct api_family api_json;           /* json.* */
extern const struct api_family api_jwt;            /* jwt.* */
extern const struct api_family api_string_regex;   /* string.*: regular expressions */
extern const struct api_family api_string_cipher;  /* string.*: encryption */
extern const struct api_family api_sys;            /* sys.* */
extern const struct api_family api_ssl;            /* ssl.* */
extern const struct api_family api_http_fetch;     /* http.request.* */
extern const struct api_family api_resource;       /* resource.* */
extern const struct api_family api_geo;            /* geo.* */

/* All rows of all families, in that order; made once. */
const struct rule_function *api_functions(size_t *count);

/* Editor stubs with LuaLS annotations, and the reference in Markdown. */
void api_write_stubs(FILE *to);
void api_write_reference(FILE *to);

#endif

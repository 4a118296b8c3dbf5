/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/fetch_url.h"

#include "dns/dns.h"
#include "http/http_head.h"

static bool refuse(const char **why, const char *reason)
{
	*why = reason;
	return false;
}

static bool take_scheme(struct slice *text, struct fetch_url *url)
{
	static const struct slice plain = SLICE_INIT("http://"), secure = SLICE_INIT("https://");
	url->is_secure = text->len >= secure.len &&
			 slice_is_equal_nocase(slice_of(text->at, secure.len), secure);
	bool is_plain = text->len >= plain.len &&
			slice_is_equal_nocase(slice_of(text->at, plain.len), plain);
	*text = slice_skip(*text, url->is_secure ? secure.len : is_plain ? plain.len : 0);
	return url->is_secure || is_plain;
}

static bool take_authority(struct slice *text, struct fetch_url *url, const char **why)
{
	struct addr address;
	unsigned port;
	size_t len = 0;
	while (len < text->len && strchr("/?", text->at[len]) == NULL)
		len++;
	url->authority = slice_of(text->at, len);
	*text = slice_skip(*text, len);
	if (slice_find(url->authority, '@') < len)
		return refuse(why, "a URL with a user name is not taken; set Authorization");
	if (!http_authority_parse(url->authority, &url->host, &port) || port > 65535)
		return refuse(why, "the URL has no host, or a port that is none");
	if (url->host.len > 2 && url->host.at[0] == '[')
		url->host = slice_of(url->host.at + 1, url->host.len - 2);
	if (!addr_parse_ip(url->host, &address) && !dns_is_host_name(url->host))
		return refuse(why, "the URL has no host that could be one");
	url->port = port != 0 ? (uint16_t)port : url->is_secure ? 443 : 80;
	return true;
}

bool fetch_url_parse(struct slice text, struct fetch_url *url, const char **why)
{
	*url = (struct fetch_url){ .path = SLICE_ABSENT };
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.at[i] <= 0x20 || (unsigned char)text.at[i] >= 0x7f)
			return refuse(why, "a URL has no blanks, controls and bytes beyond ASCII");
	text.len = slice_find(text, '#');
	if (!take_scheme(&text, url))
		return refuse(why, "a URL begins with http:// or https://");
	if (!take_authority(&text, url, why))
		return false;
	url->has_query_only = text.len > 0 && text.at[0] == '?';
	if (text.len > 0)
		url->path = text;
	return true;
}

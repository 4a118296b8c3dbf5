/* SPDX-License-Identifier: Apache-2.0 */
#include "net/unreachable.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

static struct addr address(const char *text)
{
	struct addr a;
	cr_assert(addr_parse(slice_of_string(text), &a), "%s", text);
	return a;
}

/* As RFC 792 and RFC 4443 have it, checksums as worked out by hand. */
Test(unreachable, written)
{
	static const struct {
		const char *client, *dest;
		struct slice text;
	} rows[] = {
		{ "10.0.0.1:4660", "10.0.0.2:53",
		  SLICE_INIT("\3\3\xea\x8b\0\0\0\0"
			     "\x45\0\0\x1c\0\0\0\0\x40\x11\x66\xcf\x0a\0\0\1\x0a\0\0\2"
			     "\x12\x34\0\x35\0\x08\0\0") },
		{ "[fd00::1]:4660", "[fd00::2]:53",
		  SLICE_INIT("\1\4\0\0\0\0\0\0"
			     "\x60\0\0\0\0\x08\x11\x40"
			     "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2"
			     "\x12\x34\0\x35\0\x08\0\0") },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint8_t out[UNREACHABLE_BYTES];
		struct addr client = address(rows[i].client), dest = address(rows[i].dest);
		size_t len = unreachable_write(&client, &dest, out);
		cr_assert_eq(len, rows[i].text.len);
		for (size_t at = 0; at < len; at++)
			cr_expect_eq(out[at], (uint8_t)rows[i].text.at[at], "row %zu, byte %zu: %x",
				     i, at, out[at]);
	}
}

/* A client's socket that is connected to where it wrote to hears of it. */
static void expect_heard(const char *ip)
{
	struct sockaddr_storage name;
	struct addr dest = address(ip);
	int fd = unreachable_open(dest.family);
	if (fd == -1)
		cr_skip("only root may");
	int sock = socket(dest.family == ADDR_IPV6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
	socklen_t len = addr_to_sockaddr(&dest, &name), own_len = sizeof name;
	cr_assert_eq(connect(sock, (struct sockaddr *)&name, len), 0);
	getsockname(sock, (struct sockaddr *)&name, &own_len);
	struct addr client = addr_from_sockaddr(&name);
	cr_expect(unreachable_send(fd, &client, &dest));
	char byte;
	cr_expect_eq(recv(sock, &byte, 1, 0), -1);
	cr_expect_eq(errno, ECONNREFUSED);
	close(sock);
	close(fd);
}

Test(unreachable, heard)
{
	expect_heard("127.0.0.1:9");
	expect_heard("[::1]:9");
}

/* Its own messages come back on the loopback, and must not fill it. */
Test(unreachable, hears_nothing)
{
	struct addr dest = address("127.0.0.1:9"), client = address("127.0.0.1:10");
	int fd = unreachable_open(ADDR_IPV4);
	char byte;
	if (fd == -1)
		cr_skip("only root may");
	cr_expect(unreachable_send(fd, &client, &dest));
	cr_expect_eq(recv(fd, &byte, 1, 0), -1);
	cr_expect_eq(errno, EAGAIN);
	close(fd);
}

Test(unreachable, no_more_than_so_many)
{
	struct addr dest = address("127.0.0.1:9"), client = address("127.0.0.1:10");
	int fd = unreachable_open(ADDR_IPV4);
	unsigned sent = 0;
	if (fd == -1)
		cr_skip("only root may");
	for (unsigned i = 0; i < 2 * UNREACHABLE_MOST; i++)
		sent += unreachable_send(fd, &client, &dest);
	cr_expect_eq(sent, UNREACHABLE_MOST);
	close(fd);
}

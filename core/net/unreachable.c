/* SPDX-License-Identifier: Apache-2.0 */
#include "net/unreachable.h"

#include "base/clock.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Not declared beside the names of glibc's ip_icmp.h. */
#define RAW_ICMP_FILTER 1

/* ---- opening ---------------------------------------------------------------------------------------- */

/* It would be given all ICMP of the machine, and nobody reads it. */
static bool close_ears(int fd, bool is_v6)
{
	struct icmp6_filter none_v6;
	const uint32_t none_v4 = UINT32_MAX;
	ICMP6_FILTER_SETBLOCKALL(&none_v6);
	return is_v6 ? setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &none_v6, sizeof none_v6) == 0
		     : setsockopt(fd, SOL_RAW, RAW_ICMP_FILTER, &none_v4, sizeof none_v4) == 0;
}

int unreachable_open(uint8_t family)
{
	bool is_v6 = family == ADDR_IPV6;
	int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
			is_v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	if (fd == -1)
		return -1;
	if (!close_ears(fd, is_v6)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* ---- what is said ------------------------------------------------------------------------------------ */

static void put_number(uint8_t *at, unsigned number)
{
	at[0] = (uint8_t)(number >> 8);
	at[1] = (uint8_t)number;
}

/* RFC 1071; an even number of bytes. */
static unsigned checksum(const uint8_t *bytes, size_t len)
{
	unsigned sum = 0;
	for (size_t i = 0; i < len; i += 2)
		sum += (unsigned)bytes[i] << 8 | bytes[i + 1];
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

/* The head of a datagram without data: receivers look at addresses, ports and protocol only. */
static size_t quote_ipv4(const struct addr *client, const struct addr *dest, uint8_t *at)
{
	at[0] = 4 << 4 | 5;
	put_number(at + 2, 28);
	at[8] = 64;
	at[9] = IPPROTO_UDP;
	memcpy(at + 12, client->ip, 4);
	memcpy(at + 16, dest->ip, 4);
	put_number(at + 10, checksum(at, 20));
	return 20;
}

static size_t quote_ipv6(const struct addr *client, const struct addr *dest, uint8_t *at)
{
	at[0] = 6 << 4;
	put_number(at + 4, 8);
	at[6] = IPPROTO_UDP;
	at[7] = 64;
	memcpy(at + 8, client->ip, 16);
	memcpy(at + 24, dest->ip, 16);
	return 40;
}

size_t unreachable_write(const struct addr *client, const struct addr *dest,
			 uint8_t out[UNREACHABLE_BYTES])
{
	bool is_v6 = client->family == ADDR_IPV6;
	size_t len = 8;
	memset(out, 0, UNREACHABLE_BYTES);
	out[0] = is_v6 ? ICMP6_DST_UNREACH : ICMP_DEST_UNREACH;
	out[1] = is_v6 ? ICMP6_DST_UNREACH_NOPORT : ICMP_PORT_UNREACH;
	len += is_v6 ? quote_ipv6(client, dest, out + len) : quote_ipv4(client, dest, out + len);
	put_number(out + len, client->port);
	put_number(out + len + 2, dest->port);
	put_number(out + len + 4, 8);
	len += 8;
	if (!is_v6)
		put_number(out + 2, checksum(out, len));
	return len;
}

/* ---- saying it --------------------------------------------------------------------------------------- */

static bool is_allowed(void)
{
	static uint64_t second, count;
	uint64_t now = clock_milliseconds() / 1000;
	if (now != second)
		count = 0;
	second = now;
	return count++ < UNREACHABLE_MOST;
}

bool unreachable_send(int fd, const struct addr *client, const struct addr *dest)
{
	uint8_t text[UNREACHABLE_BYTES];
	struct sockaddr_storage name;
	struct addr to = addr_without_port(client);
	if (!is_allowed())
		return false;
	socklen_t name_len = addr_to_sockaddr(&to, &name);
	size_t len = unreachable_write(client, dest, text);
	return sendto(fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&name,
		      name_len) != -1;
}

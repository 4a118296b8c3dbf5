/* SPDX-License-Identifier: Apache-2.0 */
#include "net/capture.h"

#include <linux/netfilter_ipv4.h>
#include <sys/socket.h>

/* <linux/netfilter_ipv6/ip6_tables.h> clashes with <netinet/in.h>; the number is kernel ABI. */
#define ORIGINAL_DESTINATION_IPV6 80

static bool original_destination(int fd, const struct addr *local, struct addr *dest)
{
	struct sockaddr_storage found;
	socklen_t len = sizeof found;
	bool is_v6 = local->family == ADDR_IPV6;
	if (getsockopt(fd, is_v6 ? IPPROTO_IPV6 : IPPROTO_IP,
		       is_v6 ? ORIGINAL_DESTINATION_IPV6 : SO_ORIGINAL_DST, &found, &len) == -1)
		return false;
	*dest = addr_from_sockaddr(&found);
	return dest->family != ADDR_NONE;
}

bool capture_origin(int fd, enum capture how, struct addr *local, struct addr *dest)
{
	struct sockaddr_storage own;
	socklen_t len = sizeof own;
	if (getsockname(fd, (struct sockaddr *)&own, &len) == -1)
		return false;
	*local = addr_from_sockaddr(&own);
	/* a connection that reached us without being redirected was headed here */
	if (how != CAPTURE_REDIRECT || !original_destination(fd, local, dest))
		*dest = *local;
	return true;
}

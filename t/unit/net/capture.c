/* SPDX-License-Identifier: Apache-2.0 */
#include "net/capture.h"

#include "net_unit.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

Test(capture, what_was_not_redirected_was_headed_here)
{
	static const enum capture ways[] = { CAPTURE_NONE, CAPTURE_REDIRECT, CAPTURE_TPROXY };
	static const char *const addresses[] = { "127.0.0.1", "::1" };
	for (size_t a = 0; a < 2; a++)
		for (size_t i = 0; i < 3; i++) {
			struct addr at = unit_address(addresses[a]), bound, local, dest;
			int listen_fd = unit_listen(&at, 1, &bound);
			int client = unit_dial(&bound);
			int fd = accept(listen_fd, NULL, NULL);
			cr_assert(capture_origin(fd, ways[i], &local, &dest));
			cr_expect(addr_is_equal(&local, &bound));
			cr_expect(addr_is_equal(&dest, &bound));
			close(fd);
			close(client);
			close(listen_fd);
		}
}

Test(capture, a_connection_that_is_gone)
{
	struct addr local, dest;
	cr_expect(!capture_origin(-1, CAPTURE_NONE, &local, &dest));
	cr_expect(!capture_origin(-1, CAPTURE_REDIRECT, &local, &dest));
}

/* A connection to port 80, brought to another one, all in a network namespace of our own. */
static void check_redirected(const char *here, const char *headed_to)
{
	struct addr at = unit_address(here), bound, local, dest, headed = unit_address(headed_to);
	int listen_fd = unit_listen(&at, 2, &bound);
	int client = unit_dial(&headed);
	int fd = accept(listen_fd, NULL, NULL);
	cr_assert_neq(fd, -1);
	cr_expect(capture_origin(fd, CAPTURE_REDIRECT, &local, &dest));
	cr_expect(addr_is_equal(&local, &bound));
	cr_expect(addr_is_equal(&dest, &headed));
	/* connection tracking is not asked for others */
	cr_expect(capture_origin(fd, CAPTURE_TPROXY, &local, &dest));
	cr_expect(addr_is_equal(&dest, &bound));
	close(client);
	close(fd);
	close(listen_fd);
}

Test(capture, redirected_connections_tell_where_they_were_headed)
{
	if (geteuid() != 0)
		cr_skip_test("only root can make network namespaces");
	cr_assert_eq(unshare(CLONE_NEWNET), 0);
	cr_assert_eq(system("ip link set lo up && nft 'table inet t { chain c {"
			    " type nat hook output priority -100;"
			    " tcp dport 80 redirect to :8080; }; }'"),
		     0);
	check_redirected("127.0.0.1:8080", "127.0.0.1:80");
	check_redirected("127.0.0.1:8080", "127.0.0.9:80");
	check_redirected("[::1]:8080", "[::1]:80");
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/privilege.h"

#include "base/log.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static bool has_capability(cap_value_t wanted)
{
	cap_flag_value_t value = CAP_CLEAR;
	cap_t ours = cap_get_proc();
	if (ours == NULL)
		return false;
	if (cap_get_flag(ours, wanted, CAP_PERMITTED, &value) == -1)
		value = CAP_CLEAR;
	cap_free(ours);
	return value == CAP_SET;
}

/* Is the id known in our user namespace? `map` is /proc/self/uid_map or gid_map. */
static bool is_mapped(const char *map, unsigned id)
{
	FILE *file = fopen(map, "re");
	if (file == NULL)
		return true; /* no /proc: assume the ordinary case; the change itself would tell */
	char line[128], *at;
	bool found = false;
	while (!found && fgets(line, sizeof line, file) != NULL) {
		unsigned long inside = strtoul(line, &at, 10);
		strtoul(at, &at, 10); /* what it is outside */
		found = id >= inside && id - inside < strtoul(at, NULL, 10);
	}
	fclose(file);
	return found;
}

static bool plan_user(struct privilege *p, const char *user, struct err *e)
{
	errno = 0;
	const struct passwd *entry = getpwnam(user);
	if (entry == NULL)
		return err_set(
			e, "cannot become user '%s': %s", user,
			errno != 0 ? strerror(errno)
				   : "there is no such user (set `user:` in the configuration)");
	p->user = entry->pw_uid;
	p->group = entry->pw_gid;
	p->changes_user = true;
	if (!is_mapped("/proc/self/uid_map", p->user) ||
	    !is_mapped("/proc/self/gid_map", p->group)) {
		/* root only inside a user namespace: the machine never took us for more than who made it */
		log_warn(
			"user '%s' does not exist in this user namespace: workers stay who they are",
			user);
		p->changes_user = false;
	}
	return true;
}

bool privilege_plan(struct privilege *p, const char *user, const char *net_raw_for, struct err *e)
{
	*p = (struct privilege){ .keeps_net_raw = net_raw_for != NULL };
	if (net_raw_for != NULL && !has_capability(CAP_NET_RAW))
		return err_set(
			e,
			"cannot use other addresses than our own for %s: CAP_NET_RAW is missing; start weir as "
			"root, or give the program the capability: setcap cap_net_raw+ep PATH_OF_WEIR",
			net_raw_for);
	if (geteuid() != 0 || user == NULL)
		return true;
	return plan_user(p, user, e);
}

void privilege_keep_low_ports(struct privilege *p)
{
	p->keeps_low_ports = p->keeps_net_raw && has_capability(CAP_NET_BIND_SERVICE);
}

/* In a user namespace that an ordinary user made, groups cannot be changed at all. */
static bool are_groups_fixed(void)
{
	char text[8] = "";
	FILE *file = fopen("/proc/self/setgroups", "re");
	if (file == NULL)
		return false;
	bool is_denied = fgets(text, sizeof text, file) != NULL && strncmp(text, "deny", 4) == 0;
	fclose(file);
	return is_denied;
}

static bool change_user(const struct privilege *p, struct err *e)
{
	if (setgroups(0, NULL) == -1 && !(errno == EPERM && are_groups_fixed()))
		return err_set(e, "cannot give up supplementary groups: %s", strerror(errno));
	if (setresgid(p->group, p->group, p->group) == -1)
		return err_set(e, "cannot become group '%u': %s", (unsigned)p->group,
			       strerror(errno));
	if (setresuid(p->user, p->user, p->user) == -1)
		return err_set(e, "cannot become user '%u': %s", (unsigned)p->user,
			       strerror(errno));
	return true;
}

/* Leaves the first `count` of those that a worker may need. */
static bool reduce_capabilities(int count, struct err *e)
{
	static const cap_value_t list[] = { CAP_NET_RAW, CAP_NET_BIND_SERVICE };
	cap_t wanted = cap_init(); /* nothing */
	bool is_done = wanted != NULL &&
		       (count == 0 ||
			(cap_set_flag(wanted, CAP_PERMITTED, count, list, CAP_SET) == 0 &&
			 cap_set_flag(wanted, CAP_EFFECTIVE, count, list, CAP_SET) == 0)) &&
		       cap_set_proc(wanted) == 0;
	int error = errno;
	if (wanted != NULL)
		cap_free(wanted);
	return is_done || err_set(e, "cannot reduce capabilities: %s", strerror(error));
}

bool privilege_drop(const struct privilege *p, bool is_worker, struct err *e)
{
	bool keep_net_raw = is_worker && p->keeps_net_raw;
	if (p->changes_user) {
		if (keep_net_raw && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == -1)
			return err_set(e, "cannot keep capabilities: %s", strerror(errno));
		if (!change_user(p, e))
			return false;
		/*
		 * Other processes of that user (nobody has many) must not look into our memory, where
		 * keys and clients' data lie. The kernel does so by fs.suid_dumpable; here it is certain.
		 */
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	}
	if (!reduce_capabilities(!keep_net_raw ? 0 : p->keeps_low_ports ? 2 : 1, e))
		return false;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return err_set(e, "cannot refuse new privileges: %s", strerror(errno));
	return true;
}

void privilege_raise_files(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == -1 || limit.rlim_cur >= limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
		log_warn("cannot raise the limit of open files to %llu: %s",
			 (unsigned long long)limit.rlim_max, strerror(errno));
}

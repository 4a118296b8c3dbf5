/*
 * Chance, in the place of libc's: a target does the same with the same inputs in every run. LuaJIT, too, draws
 * seeds (of its tables of strings, of its compiler), on which the order of a table and what an input covers depend.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <dlfcn.h>
#include <stdarg.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>

#define OURS __attribute__((visibility("default")))

OURS ssize_t getrandom(void *to, size_t len, unsigned flags)
{
	(void)flags;
	memset(to, 'w', len);
	return (ssize_t)len;
}

long syscall(long number, ...);

/* libc is asked for everything else. */
OURS long syscall(long number, ...)
{
	static long (*libc)(long, ...);
	long arguments[6];
	va_list list;
	va_start(list, number);
	for (int i = 0; i < 6; i++)
		arguments[i] = va_arg(list, long);
	va_end(list);
	if (number == SYS_getrandom)
		return getrandom((void *)arguments[0], (size_t)arguments[1], 0);
	if (libc == NULL)
		*(void **)&libc = dlsym(RTLD_NEXT, "syscall");
	return libc(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
		    arguments[5]);
}

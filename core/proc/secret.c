/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/secret.h"

#include "base/siphash.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#define BYTES_MOST 4096
#define MACHINE_ID "/etc/machine-id"

/* The beginning of the file; -1 and errno when there is none. */
static ssize_t read_some(const char *path, char bytes[BYTES_MOST])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd == -1)
		return -1;
	ssize_t len = read(fd, bytes, BYTES_MOST);
	int error = errno;
	close(fd);
	errno = error;
	return len;
}

/* machine-id(5) asks for a keyed hash that is the application's own: the id must not be seen anywhere. */
static void make(struct slice bytes, uint64_t secret[2])
{
	static const uint64_t keys[2][2] = { { 0x2d6f4c1b9a3e8075, 0x71c9e25d40b8f36a },
					     { 0x8e13d7a05bc46f92, 0x3f70a9164ed2c58b } };
	secret[0] = siphash_2_4(keys[0], bytes);
	secret[1] = siphash_2_4(keys[1], bytes);
}

bool secret_read(const char *path, uint64_t secret[2], struct err *e)
{
	char bytes[BYTES_MOST];
	ssize_t len = read_some(path != NULL ? path : MACHINE_ID, bytes);
	if (path != NULL && len == -1)
		return err_set(e, "cannot read '%s': %s", path, strerror(errno));
	if (path != NULL && len < SECRET_BYTES_LEAST)
		return err_set(e, "cannot use '%s': it has fewer than %d bytes", path,
			       SECRET_BYTES_LEAST);
	if (len < SECRET_BYTES_LEAST) /* a container, mostly */
		len = getrandom(bytes, SECRET_BYTES_LEAST, 0);
	make(slice_of(bytes, (size_t)len), secret);
	return true;
}

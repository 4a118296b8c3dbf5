/* stream_private: what the files of net/ share about reading and writing a stream's socket. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_NET_STREAM_PRIVATE_H
#define WEIR_NET_STREAM_PRIVATE_H

#include "net/stream.h"

#include <sys/types.h>

/* What a call that read from s->fd, and returned `got`, means; notes it in the stream. */
enum io stream_read_result(struct stream *s, ssize_t got);

/* The same for a call that wrote, and returned `put`: IO_WAIT when the kernel took nothing. */
enum io stream_write_result(struct stream *s, ssize_t put);

/* To be called before each call that writes. */
void stream_before_write(struct stream *s);

#endif

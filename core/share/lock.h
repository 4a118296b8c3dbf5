/*
 * lock: who may change a part of the segment just now. A robust mutex (pthread_mutexattr_setrobust):
 * when its holder dies, by whatever signal, the kernel gives it to the next one and says so; that one
 * mends what it guards. Held for a few memory accesses only, never over a call into Lua.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_SHARE_LOCK_H
#define WEIR_SHARE_LOCK_H

#include <pthread.h>
#include <stdbool.h>

struct share_lock {
	pthread_mutex_t mutex;
};

/* Once, before anybody else sees it. */
void share_lock_init(struct share_lock *lock);

/*
 * Takes it. False: whoever held it died while it changed things. Mend them, then say
 * share_lock_mended; should we die over it the next one hears false again.
 */
bool share_lock_take(struct share_lock *lock);
void share_lock_mended(struct share_lock *lock);

void share_lock_give(struct share_lock *lock);

#endif

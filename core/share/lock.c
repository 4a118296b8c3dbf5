/* SPDX-License-Identifier: Apache-2.0 */
#include "share/lock.h"

#include "base/check.h"

#include <errno.h>

void share_lock_init(struct share_lock *lock)
{
	pthread_mutexattr_t how;
	pthread_mutexattr_init(&how);
	pthread_mutexattr_setpshared(&how, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&how, PTHREAD_MUTEX_ROBUST);
	int error = pthread_mutex_init(&lock->mutex, &how);
	pthread_mutexattr_destroy(&how);
	check(error == 0);
}

bool share_lock_take(struct share_lock *lock)
{
	int error = pthread_mutex_lock(&lock->mutex);
	check(error == 0 || error == EOWNERDEAD);
	return error == 0;
}

void share_lock_mended(struct share_lock *lock)
{
	pthread_mutex_consistent(&lock->mutex);
}

void share_lock_give(struct share_lock *lock)
{
	pthread_mutex_unlock(&lock->mutex);
}

/* txn_recent: what is remembered of a transaction when it is over, for `weir recent`. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_RECENT_H
#define WEIR_TXN_RECENT_H

#include "txn/txn.h"

/* Is it to be remembered, by its virtual server and its rules? */
static inline bool txn_recent_is_wanted(const struct txn *t)
{
	const struct conf_vserver *conf = t->vserver->conf;
	if (!conf->recent_enabled || t->vserver->world->share->recent_most == 0)
		return false;
	if (t->orders != NULL && t->orders->is_recent.is_given)
		return t->orders->is_recent.value != 0;
	return conf->recent_save_all;
}

/* Remembers it, as it is now that it has ended. */
void txn_recent_add(struct txn *t);

#endif

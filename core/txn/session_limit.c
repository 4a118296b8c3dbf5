/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/session_limit.h"

#include "base/clock.h"

/* ---- how long one serves --------------------------------------------------------------------------- */

bool session_limit_is_reached(const struct session *s)
{
	const struct conf_vserver *conf = s->vserver->conf;
	return (conf->max_requests != 0 && s->transactions >= conf->max_requests) ||
	       (conf->max_pipelined != 0 && s->pipelined >= conf->max_pipelined) ||
	       (conf->age_milliseconds != 0 &&
		clock_milliseconds() - s->opened >= conf->age_milliseconds);
}

uint64_t session_limit_wait(const struct session *s, uint64_t milliseconds)
{
	uint64_t most = s->vserver->conf->age_milliseconds;
	uint64_t age = clock_milliseconds() - s->opened;
	if (most == 0)
		return milliseconds;
	uint64_t left = age < most ? most - age : 1;
	return milliseconds != 0 && milliseconds < left ? milliseconds : left;
}

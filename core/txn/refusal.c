/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/refusal.h"

#include "base/check.h"

static const struct {
	const char *word, *words;
	unsigned status; /* that the client gets; 0: none, its connection is reset */
} refusals[REFUSAL_COUNT] = {
#define X(name, word, status, words) [HTTP_REASON_##name] = { word, words, status },
	HTTP_REASONS(X)
#undef X
#define X(name, word, status, words) \
	[REFUSAL_ANSWERS + HTTP_REASON_##name] = { "node_" word, words, 502 },
		HTTP_REASONS(X)
#undef X
#define REFUSAL(name, word, status, words) [REFUSAL_##name] = { word, words, status },
#include "txn/refusal.def"
#undef REFUSAL
};

const char *refusal_word(enum refusal refusal)
{
	check((unsigned)refusal < REFUSAL_COUNT);
	return refusals[refusal].word;
}

const char *refusal_words(enum refusal refusal)
{
	check((unsigned)refusal < REFUSAL_COUNT);
	return refusals[refusal].words;
}

void refusal_count(const struct vserver *v, enum refusal refusal)
{
	check((unsigned)refusal < REFUSAL_COUNT);
	stats_add(&stats_refusals(v->world->share, v->stats)[refusal], 1);
}

static void write_table(FILE *to, const char *heads, enum refusal first, enum refusal behind)
{
	fprintf(to, "%s", heads);
	for (unsigned i = first; i < behind; i++) {
		fprintf(to, "| `%s` |", refusals[i].word);
		if (refusals[i].status != 0)
			fprintf(to, " %u |", refusals[i].status);
		fprintf(to, " %s |\n", refusals[i].words);
	}
}

void refusal_write_reference(FILE *to)
{
	fprintf(to,
		"# What is refused, and why\n\n"
		"Each refusal has one word. `weir status` counts them per virtual server, `weir "
		"status --json` has those that\nthere were under `refusals`, and the access line "
		"of a refused transaction says `reason` and, in words, `detail`; where\nthe request "
		"could not be read, the beginning of its first line stands under `refused`.\n\n"
		"## Messages\n\n"
		"A request that is refused is answered with this status and its connection closed; "
		"nothing behind it is read as a\nrequest. A body that turns out bad when the "
		"answer has begun ends the connection. For what a node sends the word\nhas "
		"`node_` in front, the client gets 502, and the node's connection is closed.\n\n");
	write_table(to, "| word | status | meaning |\n|---|---|---|\n", REFUSAL_NONE + 1,
		    REFUSAL_ANSWERS);
	fprintf(to,
		"\n## Transactions\n\nWhat finds every node of its pool full (`max_connections_per_node`, "
		"`max_transactions_per_node`) waits; if that is\nnot possible it is answered with this "
		"status.\n\n");
	write_table(to, "| word | status | meaning |\n|---|---|---|\n", REFUSAL_LAST_ANSWER + 1,
		    REFUSAL_CONNECTIONS_MOST);
	fprintf(to, "\n## Connections\n\nA connection that is refused is reset.\n\n");
	write_table(to, "| word | meaning |\n|---|---|\n", REFUSAL_CONNECTIONS_MOST,
		    REFUSAL_FIRST_OF_DATAGRAMS);
	fprintf(to, "\n## Datagrams\n\nA datagram that is refused is dropped.\n\n");
	write_table(to, "| word | meaning |\n|---|---|\n", REFUSAL_FIRST_OF_DATAGRAMS,
		    REFUSAL_COUNT);
}

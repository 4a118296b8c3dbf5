# SPDX-License-Identifier: Apache-2.0
"""The report: how much was compared, which refusals were met, and the table by kind of case."""
import collections

import judge


def text(trial):
    return "\n".join([*_summary(trial), "", *_refusals(trial), "", *_table(trial), ""])


def _summary(trial):
    requests = sum(len(one.requests) for one in trial.forwarded)
    yield f"# Differential test: {len(trial.cases)} cases, seed {trial.seed}"
    yield ""
    yield (f"weir forwarded {sum(len(one.requests) for one in trial.passed)} whole requests over"
           f" {len(trial.forwarded)} node connections; disagreements: {len(trial.disagreements)}.")
    yield "Of them each server told method, target and body as weir has them, ours at the end of a stream included:"
    yield ", ".join(f"{name} {sum(one.compared for one in found)} of {requests}"
                    for name, found in trial.counted.items()) + "."


def _refusals(trial):
    yield "Refusals that are known of a server:"
    for name, found in trial.counted.items():
        for words, count in sorted(collections.Counter(w for one in found for w in one.refusals).items()):
            yield f"- {name}: {words}: {count}"


def _table(trial):
    """The original bytes, straight to each server."""
    names = list(trial.outlines)
    yield "The same bytes straight to each server: in how many cases it took more requests than weir, or other ones."
    yield ""
    yield ("| kind of case | cases | weir took all | weir refused | servers differ |"
           + "".join(f" {name} |" for name in names))
    yield "|---|--:|--:|--:|--:|" + "--:|" * len(names)
    kinds = collections.defaultdict(list)
    for passed in trial.passed:
        kinds[passed.case.kind].append(passed)
    for kind, found in sorted(kinds.items()):
        refused = sum(passed.refusal is not None for passed in found)
        outlines = [[trial.outlines[name][passed.case.number] for name in names] for passed in found]
        differ = sum(any(one != each[0] for one in each) for each in outlines)
        cells = [_beside(trial, name, found) for name in names]
        yield (f"| {kind} | {len(found)} | {len(found) - refused} | {refused} | {differ} |"
               + "".join(f" {cell} |" for cell in cells))


def _beside(trial, name, found):
    counts = collections.Counter(judge.beside_weir(passed, trial.outlines[name][passed.case.number])
                                 for passed in found)
    return ", ".join(f"{counts[what]} {what}" for what in (judge.MORE, judge.OTHER) if counts[what])

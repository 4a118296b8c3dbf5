# SPDX-License-Identifier: Apache-2.0
"""What was measured as a Markdown table and a plot."""
import statistics
from html import escape

import fairness
import compression
import hostile
import idle

JUDGES = ("haproxy", "nginx")  # the peers that weir is held against, as the distribution has them


def ratios_to_best(result, name="weir"):
    """One ratio per round to the best judge of that round: what disturbs a round disturbs all in it."""
    found = []
    for one in result["rounds"]:
        peers = [one[judge]["us"] for judge in JUDGES if judge in one]
        if name in one and peers:
            found.append(one[name]["us"] / min(peers))
    return found


def ratio_to_all(result, name="weir"):
    """To the best of all peers, also those set up in another way."""
    found = []
    for one in result["rounds"]:
        peers = [said["us"] for other, said in one.items() if not other.startswith(("weir", "floor"))]
        if name in one and peers:
            found.append(one[name]["us"] / min(peers))
    return statistics.median(found) if found else None


def ratios_between(result, name, other):
    return [one[name]["us"] / one[other]["us"] for one in result["rounds"]
            if name in one and other in one]


def median_of(result, name, key):
    values = [one[name][key] for one in result["rounds"] if name in one]
    return statistics.median(values) if values else None


def best_judge(result):
    costs = {judge: median_of(result, judge, "us") for judge in JUDGES}
    costs = {judge: cost for judge, cost in costs.items() if cost is not None}
    return min(costs, key=costs.get) if costs else None


def cell(value, digits=1):
    return "" if value is None else f"{value:.{digits}f}"


def row(cells):
    return "| " + " | ".join(cells) + " |"


def table(head, rows):
    """Without the columns of those that took no part in any row; nothing without rows."""
    if not rows:
        return []
    kept = [column for column in range(len(head)) if any(cells[column] for cells in rows)]
    head = [head[column] for column in kept]
    rows = [[cells[column] for column in kept] for cells in rows]
    return [row(head), row(["---"] * len(head)), *map(row, rows), ""]


def cpu_table(results, names):
    rows = []
    for result in results:
        ratios = ratios_to_best(result)
        ratio = statistics.median(ratios) if ratios else None
        spread = f" ({min(ratios):.2f} to {max(ratios):.2f})" if ratios else "failed"
        verdict = "" if ratio is None else "yes" if ratio <= result["target"] else "**no**"
        costs = [cell(median_of(result, name, "us")) for name in names]
        floor = ratios_to_best(result, "floor")
        rows.append([result["title"], cell(result["target"], 2), cell(ratio, 2) + spread, verdict,
                     cell(statistics.median(floor), 2) if floor else "",
                     best_judge(result) or "", cell(ratio_to_all(result), 2), *costs])
    head = ["scenario", "target", "weir to the best of haproxy and nginx", "met",
            "the floor to that", "best",
            "to the best of all peers",
            *(f"{name}, us" for name in names)]
    return ["## CPU per request", "", *table(head, rows)] if rows else []


def rate_table(results, names):
    rows = [[result["title"], *(cell(median_of(result, name, "rate"), 0) for name in names)]
            for result in results]
    return [] if not rows else [
        "## Requests per second", "",
        "Client and back end share the other processor and are often what limits.", "",
        *table(["scenario", *names], rows)]


def calls_table(results, names):
    rows = [[result["title"], *(cell(result["calls"].get(name)) for name in names)]
            for result in results if result["calls"]]
    return ["## System calls per request", "", *table(["scenario", *names], rows)] if rows else []


def latency_table(results, names):
    rows = []
    for result in results:
        if not result["latency"]:
            continue
        said = [result["latency"].get(name) for name in names]
        rows.append([result["title"], f"{result['latency_rate']:.0f}",
                     *("" if one is None else f"{one['p50']:.0f} / {one['p99']:.0f}" for one in said)])
    if not rows:
        return []
    return ["## p50 / p99 in microseconds",
            "", "All at the same rate: half of what the slowest reached.", "",
            *table(["scenario", "requests/s", *names], rows)]


def memory_table(memory, names):
    if not memory:
        return []
    count = memory["connections"]
    rows = []
    for name in names:
        if name in memory["kib"]:
            before, with_them = memory["kib"][name]
            scale = 10000 / count / 1024
            rows.append([name, cell((with_them - before) * scale, 2),
                         cell((with_them - before) * 1024 / count, 0), cell(with_them / 1024)])
    return ["## Memory of idle kept-alive clients",
            "", f"User space (PSS of all processes), {count} connections with one request each.", "",
            *table(["", "growth for 10,000, MiB (target 4)", "bytes per connection",
                    "all of it, MiB"], rows)]


def instructions_table(results, names):
    rows = [[result["title"], *(cell(result["instructions"].get(name), 0) for name in names)]
            for result in results if result["instructions"]]
    if not rows:
        return []
    return ["## User instructions per request", "", "By callgrind. Target for a warm kept-alive request: 8000.",
            "", *table(["scenario", *names], rows)]


def idle_table(result):
    if not result:
        return []
    rows = [idle.cells_of(result, case) for case in result["cases"]]
    return ["## What is idle", "", "Does a request cost more when much else is configured, or open and idle? The"
            " ratio is to the first line of its kind.", "",
            *table(["", "beside it", "us per request", "ratio", "system calls", "instructions",
                    "bytes per idle connection (target 1024)", "memory, MiB", "start, s"], rows),
            *(f"- failed: {failure}" for failure in result["failures"])]


def fairness_table(result):
    if not result:
        return []
    names = fairness.names_of(result)
    return ["## Fairness", "", f"p99 of ordinary clients, {result['rate']} requests a second: alone, then beside one neighbour"
            " as a ratio to that (target 1.5); medians in microseconds, with the range over the rounds.", "",
            *table(["", "alone", *fairness.NEIGHBOURS.values()],
                   [fairness.cells_of(result, name) for name in names]),
            "What the neighbour reached meanwhile:", "",
            *table(["", "down, MB/s", "up, MB/s", "pipelined, answers/s", "dribbling, answers/s"],
                   [fairness.work_of(result, name) for name in names]),
            *(f"- failed: {failure}" for failure in result["failures"])]


def hostile_table(result):
    if not result or not result["rounds"]:
        return [f"- failed: {failure}" for failure in result["failures"]] if result else []
    return ["## Hostile rules", "", "p99 in microseconds of 64 clients that ask as fast as they are answered, alone and"
            " while the rules of a neighbour do their worst, one after another (target 1.5).", "",
            *table(["alone", "beside them", "ratio", "hostile rules a second", "rules run"],
                   [hostile.row_of(result)]),
            "", "The longest turns of the loop while such a rule runs, in microseconds of the worker's own time, and how many"
            " took more than a millisecond.", "",
            *table(["rule", "longest turn", "more than 1 ms"], hostile.turn_rows(result)),
            *(f"- failed: {failure}" for failure in result["failures"])]


def compression_table(result):
    if not result or not result["rounds"]:
        return [f"- failed: {failure}" for failure in result["failures"]] if result else []
    return ["## Compression", "", "CPU microseconds for 100 KB of text with gzip at level 1, and the bytes that leave"
            f" (target {compression.TARGET}).", "",
            *table(["weir", "nginx", "ratio", "bytes of weir", "of nginx"], [compression.row_of(result)]),
            *(f"- failed: {failure}" for failure in result["failures"])]


def profile_tables(profile, names):
    lines = [f"## Where user instructions go: {profile['title']}", ""]
    for name in names:
        if name not in profile["found"]:
            continue
        for which in ("exclusive", "inclusive"):
            top = sorted(profile["found"][name][which].items(), key=lambda one: -one[1])
            # of a peer only the sum
            top = top[:40] if name.startswith("weir") else top[:1]
            lines += [f"### {name}, {which}", "",
                      *table(["instructions", "function"],
                             [[cell(count, 0), f"`{function}`"] for function, count in top])]
    return lines


def markdown(all_results):
    names = all_results["names"]
    results = all_results["scenarios"]
    lines = ["# weir against its peers", "", all_results["summary"], "",
             *(f"- {name}: {version}" for name, version in all_results["versions"].items()), ""]
    lines += cpu_table(results, names)
    failures = [f"- {result['title']}: {failure}" for result in results
                for failure in result["failures"]]
    if failures:
        lines += ["Failed, and not counted:", "", *failures, ""]
    lines += rate_table(results, names) + calls_table(results, names)
    lines += instructions_table(results, names) + latency_table(results, names)
    lines += memory_table(all_results["memory"], names)
    lines += idle_table(all_results["idle"]) + fairness_table(all_results["fairness"])
    lines += hostile_table(all_results["hostile"])
    lines += compression_table(all_results["compression"])
    for profile in all_results["profiles"]:
        lines += profile_tables(profile, names)
    return "\n".join(lines)


# ---- the plot -------------------------------------------------------------------------------------

LEFT, WIDTH, BAR, GAP = 450, 520, 13, 16
REACH = 2.5  # of the longest bar
COLOURS = {"weir": "#1b6ca8", "haproxy": "#d1495b", "nginx": "#edae49", "h2o": "#66a182",
           "floor": "#999999"}


def bars(result, names, top):
    """CPU per request of each that took part, as a share of the best judge's; and where they end."""
    best = best_judge(result)
    ratios = {name: ratios_between(result, name, best) for name in names} if best else {}
    drawn, y = [], top
    for name in names:
        if not ratios.get(name):
            continue
        ratio = statistics.median(ratios[name])
        width = min(ratio, REACH) / REACH * WIDTH
        # paler when it is set up in another way
        drawn.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR - 2}"'
                     f' fill="{COLOURS[name.split("-")[0]]}"'
                     f' fill-opacity="{0.6 if "-" in name else 1}"/>'
                     f'<text x="{LEFT + width + 4:.1f}" y="{y + BAR - 3}" font-size="10">'
                     f"{ratio:.2f} {escape(name)}</text>")
        y += BAR
    drawn.insert(0, f'<text x="{LEFT - 8}" y="{(top + y) / 2 + 4}" text-anchor="end">'
                    f"{escape(result['title'])}</text>")
    x = LEFT + result["target"] / REACH * WIDTH
    drawn.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top - 3}" y2="{y + 1}" stroke="black"'
                 ' stroke-dasharray="3,2"/>')
    return drawn, max(y, top + BAR)


def svg(all_results):
    drawn, bottom = [], 45
    for result in all_results["scenarios"]:
        more, end = bars(result, all_results["names"], bottom)
        drawn += more
        bottom = end + GAP
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 130}" height="{bottom}"'
        ' font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        '<text x="10" y="22" font-size="15">CPU per request, as a share of the best of haproxy and'
        " nginx (dashed: what weir aims at)</text>", *drawn, "</svg>", ""])

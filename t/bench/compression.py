# SPDX-License-Identifier: Apache-2.0
"""Compression: CPU time that weir and nginx need to send 100 KB of text with gzip, at the same level.

The text is words by chance, of a vocabulary of 2,000, which gzip makes about a third of it: the pattern of
the back end would be no work. So node and client are those of the tests; what they need is not counted.
"""
import random
import statistics
import sys
import time
import zlib
from contextlib import ExitStack

import measure
from contenders import ADDRESS, GZIP_NODE_PORT, Failed, Job
from lab.client import Client
from lab.node import Node

TARGET = 1.0
CONNECTIONS = 4
JUDGES = ("weir", "nginx")


def make_text(size=100_000):
    chance = random.Random(1)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(2, 9))) for _ in range(2000)]
    text = ""
    while len(text) < size:
        text += " ".join(chance.choices(words, k=12)) + "\n"
    return text[:size].encode()


TEXT = make_text()


def ask(client):
    answer = client.get("/", "Accept-Encoding: gzip\r\n")
    if answer.status != 200 or answer.get("Content-Encoding") != "gzip":
        raise Failed(f"not compressed: {answer.raw!r}")
    return answer.body


def one_run(proxy, seconds):
    """Microseconds of the proxy's CPU for each answer, and the bytes of one."""
    clients = [Client((ADDRESS, proxy.port)) for _ in range(CONNECTIONS)]
    try:
        for client in clients:  # warm
            body = ask(client)
        if zlib.decompress(body, 31) != TEXT:
            raise Failed("another text came out")
        before, count, end = measure.schedstat(proxy.pids), 0, time.monotonic() + seconds
        while time.monotonic() < end:
            for client in clients:
                ask(client)
            count += CONNECTIONS
        return {"us": (measure.schedstat(proxy.pids) - before) / 1000 / count, "bytes": len(body)}
    finally:
        for client in clients:
            client.close()


def measure_all(bench):
    failures, rounds = [], []
    with ExitStack() as stack:
        try:
            node = Node(lambda x: x.reply(200, TEXT, "Content-Type: text/plain\r\n"), ADDRESS, GZIP_NODE_PORT)
            stack.callback(node.close)
            directory, proxies = bench.fresh_directory(), []
            for contender in bench.contenders:
                if contender.name in JUDGES:
                    proxies.append(contender.start(Job(has_gzip=True), directory, bench.descriptors))
                    stack.callback(proxies[-1].stop)
            for number in range(bench.chosen.rounds):
                order = proxies if number % 2 == 0 else proxies[::-1]
                rounds.append({proxy.contender.name: one_run(proxy, bench.milliseconds / 1000) for proxy in order})
        except (Failed, OSError) as failure:
            failures.append(str(failure))
            print(f"bench: compression: {failure}", file=sys.stderr)
    return {"rounds": rounds, "failures": failures}


def row_of(result):
    """Medians: microseconds of both, the ratio within one round, and bytes of both."""
    def typical(name, key):
        found = [one[name][key] for one in result["rounds"] if name in one]
        return f"{statistics.median(found):.0f}" if found else ""
    ratios = [one["weir"]["us"] / one["nginx"]["us"] for one in result["rounds"] if len(one) == len(JUDGES)]
    ratio = f"**{statistics.median(ratios):.2f}** ({min(ratios):.2f} to {max(ratios):.2f})" if ratios else ""
    return [typical("weir", "us"), typical("nginx", "us"), ratio, typical("weir", "bytes"), typical("nginx", "bytes")]

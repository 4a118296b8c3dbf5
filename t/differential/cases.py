# SPDX-License-Identifier: Apache-2.0
"""Cases: streams of bytes as a client would send them, with what has to become of them. A case follows
from seed and number alone, so that one can be looked at again by itself."""
import random

import attacks
import shapes
from attacks import ANY, REFUSED

VALID, MUTATED = "valid", "bytes changed at random"
# What takes the place of a byte, or is put between two, where readers part ways.
NASTY = [b"\0", b"\t", b"\n", b"\r", b" ", b"\r\n", b"\r\n\r\n", b":", b";", b",", b"\"", b"\\", b"0", b"1", b"f", b"+",
         b"-", b"_", b"\x0b", b"\x7f", b"\x80", b"\xff", b"chunked", b"Content-Length: 3\r\n",
         b"Transfer-Encoding: chunked\r\n", b"\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"]


class Case:
    """`wanted` arrive at nodes in that order, all else follows `verdict`: None (nothing else arrives,
    nothing is refused), REFUSED (the next request is refused) or ANY."""

    def __init__(self, number, kind, data, wanted, verdict, rng):
        self.number, self.kind, self.data, self.wanted, self.verdict = number, kind, data, wanted, verdict
        self.pieces = _split(rng, data)


def make(seed, number):
    rng = random.Random(f"{seed}/{number}")
    share = rng.randrange(10)
    if share < 4:
        return _valid(rng, number)
    if share < 8:
        return _hostile(rng, number)
    return _mutated(rng, number)


def _end(number):
    """The last request: told by all who are still in step, and asks to close."""
    return (f"GET /r{number}-end HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode(),
            shapes.Wanted("GET", f"r{number}-end"))


def _good(rng, number, count):
    return [shapes.valid(rng, f"r{number}-{i}") for i in range(count)]


def _valid(rng, number):
    said = _good(rng, number, rng.randrange(1, 6))
    said.append(shapes.last(rng, f"r{number}-last") if rng.randrange(4) == 0 else _end(number))
    data = b"".join(sent for sent, _ in said)
    if rng.randrange(4) == 0:
        data += shapes.smuggled(number)  # behind a connection that is to close
    return Case(number, VALID, data, [wanted for _, wanted in said], None, rng)


def _hostile(rng, number):
    kind = rng.choice(list(attacks.KINDS))
    before = _good(rng, number, rng.choice([0, 0, 1, 2]))
    sent, verdict = attacks.KINDS[kind](rng, f"r{number}-x")
    behind = _good(rng, number, rng.choice([0, 1]))
    end = _end(number)
    data = b"".join(said for said, _ in before) + sent + b"".join(said for said, _ in behind) + end[0]
    wanted = [one for _, one in before]
    if verdict not in (ANY, REFUSED):
        wanted += [verdict, *(one for _, one in behind), end[1]]
        verdict = None
    return Case(number, kind, data, wanted, verdict, rng)


def _mutated(rng, number):
    data = bytearray(b"".join(sent for sent, _ in _good(rng, number, rng.randrange(1, 4))))
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        at, nasty = rng.randrange(len(data)), rng.choice(NASTY)
        how = rng.randrange(4)
        if how == 0:
            data[at:at] = nasty
        elif how == 1:
            data[at:at + len(nasty)] = nasty
        elif how == 2:
            del data[at:at + rng.choice([1, 1, 2, 5])]
        else:
            other = rng.randrange(len(data))
            data[at:at] = data[other:other + rng.choice([2, 20, 200])]
    return Case(number, MUTATED, bytes(data) + _end(number)[0], [], ANY, rng)


def _split(rng, data):
    """As a network might deliver it: whole, in a few pieces, or crumbled at one place."""
    how = rng.randrange(4)
    if how == 0 or len(data) < 3:
        return [data]
    if how == 1:
        at = rng.randrange(max(1, len(data) - 40))
        cuts = range(at, min(at + 40, len(data)))
    else:
        cuts = rng.sample(range(1, len(data)), min(rng.randrange(1, 8), len(data) - 1))
    cuts = sorted({0, *cuts, len(data)})
    return [data[a:b] for a, b in zip(cuts, cuts[1:])]

# SPDX-License-Identifier: Apache-2.0
"""One call of a function may have much to do: others have turns of the worker while it works.

Others ask all the time, and each answer to them counts one up. A rule reads that counter right
before one long call and right after it: while a call holds the worker nobody can count, so one more
is proof that somebody was served in the middle of it. A busy machine may keep the others from asking
in that time, so it is tried until it is seen.
"""
import hashlib
import threading
import time

import pytest

from lab.http1 import Closed

SECONDS = 30  # to be seen

# The text before the call, and the call, whose first result is a text or becomes one.
TEXT = "local s = ('abcdefgh'):rep(250000)"  # 2 MB
BYTES = b"abcdefgh" * 250000
CALLS = {
    "string.regexmatch": (TEXT, "string.regexmatch(s, '[^a-h]x')", b"false"),
    "string.regexsub": (TEXT, "string.regexsub(s, 'ab', '-', 'g')", BYTES.replace(b"ab", b"-")),
}


def rule(before, call):
    """The wait makes that the rule is not put off at one of the steps around the call."""
    return f"""
        if http.getPath() ~= "/long" then
            data.local_.increment("others")
            http.sendResponse(200, "text/plain", "")
        end
        {before}
        connection.sleep(1)
        local n = data.local_.get("others") or 0
        local result = {call}
        n = (data.local_.get("others") or 0) - n
        http.sendResponse(200, "text/plain", string.format("%d %s", n,
            string.hexencode(string.hashMD5(tostring(result)))))
    """


class Others:
    """Clients that ask all the time, as a context."""

    def __init__(self, weir):
        self._weir, self._stop = weir, threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(3)]

    def _ask(self):
        client = self._weir.client()
        try:
            while not self._stop.is_set():
                if client.get("/").get("Connection") == "close":
                    client.close()
                    client = self._weir.client()
        except (OSError, Closed):
            pass  # the test sees for itself that nobody counts
        finally:
            client.close()

    def __enter__(self):
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()


@pytest.mark.parametrize("name", CALLS)
def test_others_are_served_in_the_middle_of_a_call(bench, name):
    before, call, wanted = CALLS[name]
    weir = bench.weir([bench.node()], request=rule(before, call), vserver={"rules": {"memory": "64m"}})
    last, served = time.monotonic() + SECONDS, 0
    with Others(weir):
        while served == 0 and time.monotonic() < last:
            with weir.client() as client:
                answer = client.get("/long")
            assert answer.status == 200, weir.tail
            served, digest = answer.text.split()
            served = int(served)
            assert digest == hashlib.md5(wanted).hexdigest()
    assert served > 0, "nobody was served in the middle of it"

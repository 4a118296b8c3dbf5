# SPDX-License-Identifier: Apache-2.0
"""One call of a function may have much to do: others have turns of the worker while it works.

Others ask all the time, and each answer to them counts one up. A rule reads that counter right
before one long call and right after it: while a call holds the worker nobody can count, so one more
is proof that somebody was served in the middle of it. A busy machine may keep the others from asking
in that time, so it is tried until it is seen.
"""
import base64
import hashlib
import hmac
import threading
import time

import pytest

from lab.http1 import Closed

SECONDS = 30  # to be seen

# 2 MB, and the text of each call with what must come out.
TEXT = "local s, t = ('abcdefg&'):rep(250000), {} for i = 1, 200000 do t[i] = 'ab' end"
BYTES = b"abcdefg&" * 250000


def hash_of(name):
    return f"string.hash{name}(s)", hashlib.new(name, BYTES).digest()


def hmac_of(name):
    return f"string.hmac{name}(s, 'key')", hmac.new(b"key", BYTES, name).digest()


CALLS = {
    "regexmatch": ("string.regexmatch(s, '[^a-h&]x')", b"false"),
    "regexmatch, found": ("select(2, string.regexmatch(s .. 'xyz', '([x])'))", b"x"),
    "regexsub": ("string.regexsub(s, 'ab', '-', 'g')", BYTES.replace(b"ab", b"-")),
    "hashMD5": hash_of("MD5"),
    "hashSHA1": hash_of("SHA1"),
    "hashSHA256": hash_of("SHA256"),
    "hashSHA384": hash_of("SHA384"),
    "hashSHA512": hash_of("SHA512"),
    "hmacSHA1": hmac_of("SHA1"),
    "hmacSHA256": hmac_of("SHA256"),
    "hmacSHA384": hmac_of("SHA384"),
    "hmacSHA512": hmac_of("SHA512"),
    "urlencode": ("string.urlencode(s)", BYTES.replace(b"&", b"%26")),
    "urlencodeexceptreserved": ("string.urlencodeexceptreserved(s .. '%')", BYTES + b"%25"),
    "escape": ("string.escape(s .. ' ')", BYTES + b"%20"),
    "unescape": ("string.unescape(s .. '%26')", BYTES + b"&"),
    "htmlencode": ("string.htmlencode(s)", BYTES.replace(b"&", b"&amp;")),
    "htmldecode": ("string.htmldecode(s .. 'lt;')", BYTES[:-1] + b"<"),
    "hexencode": ("string.hexencode(s)", BYTES.hex().encode()),
    "hexdecode": ("string.hexdecode(('00ff'):rep(1000000))", b"\x00\xff" * 1000000),
    "base64encode": ("string.base64encode(s)", base64.b64encode(BYTES)),
    "base64decode": ("string.base64decode(('QUJD'):rep(700000))", b"ABC" * 700000),
    "regexescape": ("string.regexescape(s)", BYTES.replace(b"&", b"\\&")),
    "contains": ("string.contains(s, '&a&')", b"false"),
    "containsI": ("string.containsI(s, 'G&aBcdefgh')", b"false"),
    "findI": ("string.findI(s .. '!', 'G&!')", b"1999999"),
    "findr": ("string.findr('!' .. s, '!')", b"1"),
    "count": ("string.count(s, 'a')", b"250000"),
    "replace": ("string.replace(s .. '!', '!', '?')", BYTES + b"?"),
    "replaceI": ("string.replaceI(s .. 'X', 'x', '?')", BYTES + b"?"),
    "replaceAll": ("string.replaceAll(s, 'a', '')", BYTES.replace(b"a", b"")),
    "replaceAllI": ("string.replaceAllI(s, 'A', '--')", BYTES.replace(b"a", b"--")),
    "split": ("#string.split(s, '&')", b"250001"),
    "encrypt, decrypt": ("string.decrypt(string.encrypt(s, 'secret'), 'secret')", BYTES),
    "a passphrase": ("#string.encrypt('', string.randomBytes(32))", b"45"),
    "upper": ("s:upper()", BYTES.upper()),
    "lower": ("s:lower()", BYTES),
    "reverse": ("s:reverse()", BYTES[::-1]),
    "concat": ("table.concat(t)", b"ab" * 200000),
    "json.serialize": ("json.serialize(t)", ("[" + ",".join(['"ab"'] * 200000) + "]").encode()),
    "json.deserialize": ("#json.deserialize('[' .. ('7, '):rep(200000) .. '8]')", b"200001"),
    "wildmatch": ("string.wildmatch(s, '*a*b*h')", b"false"),
}


def rule(call):
    """The wait makes that the rule is not put off at one of the steps around the call."""
    return f"""
        if http.getPath() ~= "/long" then
            data.local_.increment("others")
            http.sendResponse(200, "text/plain", "")
        end
        {TEXT}
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
    call, wanted = CALLS[name]
    weir = bench.weir([bench.node()], request=rule(call), vserver={"rules": {"memory": "64m", "budget": 10**8, "total_budget": 10**8}})
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

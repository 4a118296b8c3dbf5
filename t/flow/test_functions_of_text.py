# SPDX-License-Identifier: Apache-2.0
"""string.* and the like beside what Python's library says of the same texts."""
import base64
import email.utils
import hashlib
import hmac
import html
import ipaddress
import json
import random
import re
import time
import urllib.parse

import pytest

from lab.caller import Caller, Failed, Name


@pytest.fixture
def call(bench):
    return Caller(bench)


def agrees(call, cases):
    """Each case: (result, function, arguments ..); a result that is no list is the only one."""
    wrong = []
    for (wanted, *one), got in zip(cases, call.all([case[1:] for case in cases]), strict=True):
        if got != (wanted if isinstance(wanted, list) else [wanted]):
            wrong.append(f"{one}: expected {wanted!r}, got {got!r}")
    assert not wrong, "\n".join(wrong)


def texts(count=40, letters="aAbB", longest=8, seed=1):
    chance = random.Random(seed)
    return ["".join(chance.choice(letters) for _ in range(chance.randrange(longest + 1))) for _ in range(count)]


EVERY_BYTE = "".join(map(chr, range(256)))


def place(text, part, start=0, last=False):
    at = text.rfind(part) if last else text.find(part, start) if start <= len(text) else -1
    return [None] if at == -1 else [at + 1, at + len(part)]


def test_parts_of_a_text(call):
    cases = []
    for text, part in zip(texts(), texts(longest=2, seed=2)):
        low, few = text.lower(), part.lower()
        cases += [(part in text, "string.contains", text, part), (few in low, "string.containsI", text, part),
                  (text.startswith(part), "string.startsWith", text, part),
                  (low.startswith(few), "string.startsWithI", text, part),
                  (text.endswith(part), "string.endsWith", text, part),
                  (low.endswith(few), "string.endsWithI", text, part),
                  (place(low, few), "string.findI", text, part), (place(low, few, 2), "string.findI", text, part, 3),
                  (place(low, few, max(0, len(low) - 2)), "string.findI", text, part, -2),
                  (place(text, part, last=True), "string.findr", text, part),
                  (place(text[:3], part, last=True), "string.findr", text, part, 3),
                  ((low > few) - (low < few), "string.icmp", text, part)]
    agrees(call, cases)


def test_other_texts_in_their_place(call):
    cases = []
    for text, part in zip(texts(), texts(longest=2, seed=3)):
        part = part or "a"
        any_case = re.compile(re.escape(part), re.I)
        cases += [(text.count(part), "string.count", text, part),
                  (text[2:].count(part), "string.count", text, part, 3),
                  (text.replace(part, "%1", 1), "string.replace", text, part, "%1"),
                  (text.replace(part, "<>"), "string.replaceAll", text, part, "<>"),
                  (any_case.sub("$", text, 1), "string.replaceI", text, part, "$"),
                  (any_case.sub("", text), "string.replaceAllI", text, part, ""),
                  ([text.split(part)], "string.split", text, part),
                  ("x" + text, "string.insertBytes", text, "x", 1),
                  (text + part, "string.insertBytes", text, part, len(text) + 1),
                  (text[:-1] + part + text[-1:] if text else None, "string.insertBytes", text, part, -1),
                  (part + text[len(part):], "string.replaceBytes", text, part, 1)]
    agrees(call, [case for case in cases if case[0] is not None])
    agrees(call, [([["a", "", "b", ""]], "string.split", "a  b "), ("a b", "string.trim", " \t\r\na b\v\f "),
                  ("", "string.trim", " "), ("\0a\xa0", "string.trim", " \0a\xa0")])
    for name, *arguments in [("string.count", "a", ""), ("string.replaceAll", "a", "", "b"), ("string.split", "a", "")]:
        with pytest.raises(Failed, match=r"argument 2 \(\w+\): expected some text, got \"\""):
            call(name, *arguments)
    for position in (0, 3, -2):
        with pytest.raises(Failed, match=r"string.insertBytes: argument 3 \(position\): expected"):
            call("string.insertBytes", "a", "b", position)


def test_patterns_with_stars(call):
    cases = []
    for text, pattern in zip(texts(120, "ab", 6), texts(120, "ab*?", 5, seed=4)):
        like = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
        cases.append((bool(re.fullmatch(like, text, re.S)), "string.wildmatch", text, pattern))
    agrees(call, cases)
    agrees(call, [(False, "string.wildmatch", "A", "a"), (True, "string.wildmatch", "a\n\0b", "a??b")])


def test_encodings(call):
    keep = ":/?#[]@!$&'()*+,;="
    cases = []
    for text in [EVERY_BYTE[:128], EVERY_BYTE[128:], "", "a b", *texts(20, EVERY_BYTE, 12)]:
        raw = text.encode("latin-1")
        escaped = "".join(c if "!" <= c <= "~" and c != "%" else f"%{ord(c):02X}" for c in text)
        quoted = html.escape(text).replace("&#x27;", "&#39;")
        cases += [(urllib.parse.quote(raw, safe=""), "string.urlencode", text),
                  (urllib.parse.quote(raw, safe=keep), "string.urlencodeexceptreserved", text),
                  (escaped, "string.escape", text), (text, "string.unescape", escaped),
                  (urllib.parse.unquote_to_bytes(raw).decode("latin-1"), "string.unescape", text),
                  (quoted, "string.htmlencode", text), (text, "string.htmldecode", quoted),
                  (raw.hex(), "string.hexencode", text), (text, "string.hexdecode", raw.hex().upper()),
                  (base64.b64encode(raw).decode(), "string.base64encode", text),
                  (text, "string.base64decode", base64.b64encode(raw).decode()),
                  (text, "string.base64decode", base64.b64encode(raw).decode().rstrip("="))]
    agrees(call, cases)


def test_what_cannot_be_decoded(call):
    for name, text in [("string.hexdecode", "abc"), ("string.hexdecode", "0g"), ("string.hexdecode", "0x00"),
                       ("string.base64decode", "a"), ("string.base64decode", "YQ=a"), ("string.base64decode", "Y*=="),
                       ("string.base64decode", "YR==")]:
        nothing, reason = call(name, text)
        assert nothing is None and reason
    agrees(call, [("%zz%4+", "string.unescape", "%zz%4+"), ("&nbsp;&#0;&#xd800;&", "string.htmldecode", "&nbsp;&#0;&#xd800;&"),
                  ("\xc3\xa9'", "string.htmldecode", "&#233;&apos;"), ("\xe2\x82\xac", "string.htmldecode", "&#x20aC;")])


def test_hashes(call):
    cases = []
    for text in ["", "abc", EVERY_BYTE, "x" * 1000]:
        raw, key = text.encode("latin-1"), b"k\0" * 20
        for name in ("string.hashMD5", "string.hashSHA1", "string.hashSHA256", "string.hashSHA384", "string.hashSHA512"):
            kind = name.removeprefix("string.hash").lower()
            cases.append((hashlib.new(kind, raw).digest().decode("latin-1"), name, text))
        for name in ("string.hmacSHA1", "string.hmacSHA256", "string.hmacSHA384", "string.hmacSHA512"):
            kind = name.removeprefix("string.hmac").lower()
            cases.append((hmac.new(key, raw, kind).digest().decode("latin-1"), name, text, key))
    agrees(call, cases)


def test_random_bytes(call):
    assert call("string.randomBytes", 0) == [""]
    first, second = call("string.randomBytes", 64)[0], call("string.randomBytes", 64)[0]
    assert len(first) == len(second) == 64 and first != second
    with pytest.raises(Failed, match=r"argument 1 \(length\): expected a number from 0 to 65536, got 65537"):
        call("string.randomBytes", 65537)


def test_encryption(call):
    text = EVERY_BYTE * 3
    sealed, other = call("string.encrypt", text, "pass")[0], call("string.encrypt", text, "pass")[0]
    assert len(sealed) == len(text) + 45 and sealed != other and text[:16] not in sealed
    assert call("string.decrypt", sealed, "pass") == [text]
    chance = random.Random(5)
    for at in [0, 1, 17, 29, len(sealed) - 1, *(chance.randrange(len(sealed)) for _ in range(5))]:
        changed = sealed[:at] + chr(ord(sealed[at]) ^ 1) + sealed[at + 1:]
        assert call("string.decrypt", changed, "pass")[0] is None, at
    for text, key in [(sealed, "Pass"), (sealed[:-1], "pass"), ("", "pass"), ("x" * 44, "pass")]:
        nothing, reason = call("string.decrypt", text, key)
        assert nothing is None and reason
    for key in ("", "x" * 1025):
        with pytest.raises(Failed, match=r"argument 2 \(passphrase\): expected 1 to 1024 bytes"):
            call("string.encrypt", "", key)


ADDRESSES = ["10.0.0.1", "255.255.255.255", "0.0.0.0", "::", "::1", "fd00::1", "2001:db8:0:0:1:0:0:1",
             "2001:0DB8::00ff", "::ffff:10.0.0.1", "fe80:0:0:0:0:0:0:1"]
NO_ADDRESSES = ["", "10.0.0", "10.0.0.256", "10.0.0.1 ", " ::1", "[::1]", "::1::", "010.0.0.1", "1.2.3.4.5", "g::1",
                "10.0.0.1/8", "localhost", "12345::"]


def test_addresses(call):
    cases = []
    for text in ADDRESSES:
        address = ipaddress.ip_address(text)
        shown = str(address)
        if address.version == 6 and address.ipv4_mapped:
            shown = f"::ffff:{address.ipv4_mapped}"  # RFC 5952 5
        raw = address.packed.decode("latin-1")
        cases += [(address.version, "string.validIPAddress", text), (shown, "string.normalizeIPAddress", text),
                  (raw, "string.dottedToBytes", text), (shown, "string.bytesToDotted", raw)]
    cases += [(None, "string.validIPAddress", text) for text in NO_ADDRESSES]
    agrees(call, cases)
    for name, wrong in [("string.normalizeIPAddress", NO_ADDRESSES), ("string.dottedToBytes", NO_ADDRESSES),
                        ("string.bytesToDotted", ["", "123", "x" * 15, "x" * 17])]:
        for text in wrong:
            nothing, reason = call(name, text)
            assert nothing is None and reason, text


def test_address_blocks(call):
    cases, chance = [], random.Random(6)
    for _ in range(60):
        size = chance.randrange(33)
        base = ipaddress.ip_network((chance.getrandbits(32) & ~((1 << 32 - size) - 1) & 0xffffffff, size))
        inside = ipaddress.ip_address(int(base.network_address) + chance.randrange(base.num_addresses))
        other = ipaddress.ip_address(chance.getrandbits(32))
        for address in (inside, other):
            cases += [(address in base, "string.ipmaskmatch", str(address), str(base)),
                      (address in base, "string.ipmaskmatch", str(address), base.with_netmask),
                      (address in base, "string.ipmaskmatch", f"::ffff:{address}", str(base))]
    cases += [(True, "string.ipmaskmatch", "10.0.1.7", "10.0.1."), (False, "string.ipmaskmatch", "10.0.10.7", "10.0.1."),
              (True, "string.ipmaskmatch", "fd00::7", "fd00::/8"), (False, "string.ipmaskmatch", "fe00::7", "fd00::/8"),
              (True, "string.ipmaskmatch", "10.0.0.1", "10.0.0.1"), (False, "string.ipmaskmatch", "nobody", "0.0.0.0/0")]
    agrees(call, cases)
    for block in ("", "10.0.0.0/33", "10.0.0.0/255.0.255.0", "10", "10.0.0.0/", "nobody"):
        with pytest.raises(Failed, match=r"argument 2 \(block\): expected a block such as '10.0.0.0/8'"):
            call("string.ipmaskmatch", "10.0.0.1", block)


def test_hosts_and_ports(call):
    table = {"host": ("host", None), "host:80": ("host", 80), "[fd00::1]": ("fd00::1", None), "fd00::1": ("fd00::1", None),
             "[fd00::1]:443": ("fd00::1", 443), "host:0": ("host", None), "host:65536": ("host", None),
             "host:x": ("host", None), "host:": ("host", None), "": (None, None), ":80": (None, 80),
             "[fd00::1]x": (None, None), "[fd00::1": (None, None), "a:1:2": (None, None)}
    agrees(call, [(host, "string.extractHost", text) for text, (host, _) in table.items()]
           + [(port, "string.extractPort", text) for text, (_, port) in table.items()])


def test_numbers_as_bytes(call):
    cases, chance = [], random.Random(7)
    for width in range(1, 7):
        for number in (0, 1, 256 ** width - 1, chance.randrange(256 ** width)):
            raw = number.to_bytes(width, "big").decode("latin-1")
            cases += [(raw, "string.intToBytes", number, width), (number, "string.bytesToInt", raw)]
    for number in (0, 127, 128, -128, -129, 255, 256, 2 ** 53, -2 ** 53, *(chance.randrange(-2 ** 40, 2 ** 40)
                                                                        for _ in range(20))):
        size = 1
        while not -(1 << 8 * size - 1) <= number < 1 << 8 * size - 1:
            size += 1
        raw = number.to_bytes(size, "big", signed=True).decode("latin-1")
        cases += [(raw, "string.intToBER", number), (number, "string.BERToInt", raw)]
    for number in (0, 9, 10, 255, 2 ** 53):
        cases += [(f"{number:x}", "string.intToHex", number), (number, "string.hexToInt", f"{number:x}"),
                  (number, "string.hexToInt", f"0x{number:X}")]
    cases.append(("\0\0\1\0", "string.intToBytes", 256))
    agrees(call, cases)
    for name, text in [("string.bytesToInt", ""), ("string.bytesToInt", "x" * 7), ("string.BERToInt", ""),
                       ("string.BERToInt", "\0\1"), ("string.BERToInt", "\xff\xff"), ("string.BERToInt", "\x7f" * 7),
                       ("string.hexToInt", ""), ("string.hexToInt", "0x"), ("string.hexToInt", "g"),
                       ("string.hexToInt", "20000000000001")]:
        nothing, reason = call(name, text)
        assert nothing is None and reason, (name, text)
    for name, *arguments in [("string.intToBytes", 256, 1), ("string.intToBytes", -1), ("string.intToBER", 2 ** 53 + 2),
                             ("string.intToHex", -1)]:
        with pytest.raises(Failed, match=rf"{name}: argument 1 \(number\): expected a number from"):
            call(name, *arguments)
    with pytest.raises(Failed, match=r"argument 2 \(width\): expected a number from 1 to 6, got 7"):
        call("string.intToBytes", 1, 7)


def test_regular_expressions(call):
    cases, chance = [], random.Random(8)
    pieces = ["a", "b", "(a)", "(b*)", "[ab]", ".", "a?", "(a|b)", "(?:ab)+", "^", "$", "(a)?"]
    for text in texts(60, "ab", 6, seed=9):
        expression = "".join(chance.choice(pieces) for _ in range(chance.randrange(1, 5)))
        found = re.search(expression, text)
        cases.append(([False] if found is None else [True, *found.groups()], "string.regexmatch", text, expression))
        new, count = re.subn(expression, "<>", text, count=1)
        cases.append(([new, count], "string.regexsub", text, expression, "<>"))
    agrees(call, cases)
    agrees(call, [(["<a><b>c", 2], "string.regexsub", "abc", "([ab])", "<$1>", "g"),
                  (["b-a$abc", 1], "string.regexsub", "abc", "(?<one>a)(b)", "$2-${one}$$$0", ""),
                  ([True, "B"], "string.regexmatch", "x\nB", "^(b)$", "im"), ([True], "string.regexmatch", "a\nb", "a.b", "s"),
                  ([False], "string.regexmatch", "a\nb", "a.b"), ([True], "string.regexmatch", "ab", "a b # c", "x"),
                  ([True, "\xc3\xa9"], "string.regexmatch", "\xc3\xa9", "^(.)$", "u"),
                  ([False], "string.regexmatch", "\xc3\xa9", "^(.)$"), ([False], "string.regexmatch", "\xff", ".", "u"),
                  ([True, *"abcdefghijkl"], "string.regexmatch", "abcdefghijkl", "(.)" * 12),
                  (["-a-b-", 3], "string.regexsub", "ab", "", "-", "g")])
    for expression in ("(", "[", "a{2,1}", "\\", "(?<a>x)(?<a>y)"):
        with pytest.raises(Failed, match=r"argument 2 \(re\): expected a regular expression"):
            call("string.regexmatch", "a", expression)
    for flags in ("g", "I", "i,m"):
        with pytest.raises(Failed, match=r"argument 3 \(flags\): expected flags out of \"imsxu\""):
            call("string.regexmatch", "a", "a", flags)
    for new in ("$", "$2", "${two}", "${1", "$x"):
        with pytest.raises(Failed, match=r"argument 3 \(new\): expected"):
            call("string.regexsub", "a", "(a)", new)
    every = EVERY_BYTE[1:]
    quoted = call("string.regexescape", every)[0]
    assert call("string.regexmatch", every, f"^{quoted}$") == [True] and re.fullmatch(quoted, every)


def test_dates(call):
    cases = []
    for when in (0, 784111777, 951782399, 1893456000, 253402300799, -1):
        date = email.utils.formatdate(when, usegmt=True)
        gm = time.gmtime(when)
        cases += [(date, "sys.timeToString", when), (when, "string.gmtime.parse", date),
                  (time.strftime("%Y-%m-%d %H:%M:%S %j", gm), "sys.gmtime.format", "%Y-%m-%d %H:%M:%S %j", when)]
        if when >= 0:
            cases.append((when, "string.gmtime.parse", time.strftime("%a %b %e %H:%M:%S %Y", gm)))
    cases += [(784111777, "string.gmtime.parse", "Sunday, 06-Nov-94 08:49:37 GMT")]
    cases += [(None, "string.gmtime.parse", text) for text in (
        "", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT", "sometime")]
    cases += [("", "sys.gmtime.format", ""), ("100%", "sys.localtime.format", "100%%", 0)]
    agrees(call, cases)
    with pytest.raises(Failed, match=r"argument 1 \(format\): expected at most 256 bytes without NUL"):
        call("sys.gmtime.format", "x" * 257)
    for when in (253402300800, -62167219201, float("1e300")):
        with pytest.raises(Failed, match=r"argument 1 \(time\): expected seconds since 1970"):
            call("sys.timeToString", when)


def test_the_clock(call):
    names = ("sys.time.year", "sys.time.month", "sys.time.monthday", "sys.time.hour", "sys.time.minutes",
             "sys.time.seconds", "sys.time.weekday", "sys.time.yearday")
    for when in (0, 951782399, 1709164800, 1735689599):  # the ends of years, and a 29th of February
        local = time.localtime(when)
        wanted = [local.tm_year, local.tm_mon, local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec,
                  (local.tm_wday + 1) % 7 + 1, local.tm_yday]
        agrees(call, [(value, name, when) for name, value in zip(names, wanted)])
        agrees(call, [(time.strftime("%c", local), "sys.localtime.format", "%c", when)])
    before = time.time()
    whole, fine, year, formatted = (one[0] for one in call.all([
        ("sys.time",), ("sys.time.highres",), ("sys.time.year",), ("sys.localtime.format", "%s")]))
    after = time.time()
    assert int(before) <= whole <= after and before - 0.001 <= fine <= after
    assert year in (time.localtime(before).tm_year, time.localtime(after).tm_year)
    assert before - 1 <= int(formatted) <= after


def test_json(call):
    values = [[1, 2.5, -0.125, 1e300, "é\"\\\n", True, False, {"a": {"b": [[]]}}], {"n": 2 ** 53, "": ""}, "text", 7, True]
    for value in values:
        text = json.dumps(value)
        parsed = call("json.deserialize", text)[0]
        if not isinstance(value, list):  # arrays keep their mark only within weir
            back = call("json.serialize", parsed)[0]
            assert json.loads(back.encode("latin-1")) == value or value == {"n": 2 ** 53, "": ""}
    agrees(call, [(Name("json.null"), "json.deserialize", "null"), ("null", "json.serialize", Name("json.null")),
                  ("[]", "json.serialize", []), ("{}", "json.serialize", {"a": None})][:2])
    agrees(call, [('"\\u0000\\n\xef\xbf\xbd"', "json.serialize", "\0\n\xff"), ("0.1", "json.serialize", 0.1),
                  ("9007199254740992", "json.serialize", 2 ** 53), ("[1,[2]]", "json.serialize", [1, [2]]),
                  ({}, "json.array", {})])
    for text in ("", "[1,]", "{'a':1}", "[01]", "1 2", '"\xff"', '{"a":1,"a":2}', "[" * 101 + "]" * 101, "1e999", "nul"):
        nothing, reason = call("json.deserialize", text)
        assert nothing is None and re.search(r"at position \d+$", reason), text
    for value in ({1: 1, 3: 1}, {True: 1}, Name("string.trim"), Name("math.huge")):
        with pytest.raises(Failed, match=r"json.serialize: argument 1 \(value\): expected"):
            call("json.serialize", value)


def token(header, claims, key=b"secret", kind="sha256"):
    def part(value):
        raw = value if isinstance(value, bytes) else json.dumps(value).encode()
        return base64.urlsafe_b64encode(raw).rstrip(b"=")
    signed = part(header) + b"." + part(claims)
    return (signed + b"." + part(hmac.new(key, signed, kind).digest())).decode()


def test_tokens(call):
    now, allowed = int(time.time()), {"algorithms": ["HS256"], "issuer": "me", "audience": ["a", "b"], "leeway": 5}
    header, claims = {"alg": "HS256", "kid": "k1"}, {"iss": "me", "aud": "b", "exp": now + 100, "sub": "anna"}
    assert call("jwt.verify", token(header, claims), "secret", allowed) == [claims, header]
    assert call("jwt.parseheader", token(header, claims)) == [header]
    several = claims | {"aud": ["x", "b", "y"]}
    assert call("jwt.verify", token(header, several), "secret", allowed)[0] == several
    for other, reason in [({"exp": now - 100}, "expired"), ({"nbf": now + 100}, "not valid yet"), ({"iat": now + 100}, "future"),
                          ({"iss": "you"}, "issuer"), ({"aud": "c"}, "audience"), ({"exp": "soon"}, "no number")]:
        nothing, why = call("jwt.verify", token(header, claims | other), "secret", allowed)
        assert nothing is None and reason in why, why
    for text, why in [(token(header, claims, b"other"), "wrong signature"), (token({"alg": "none"}, claims), "not allowed"),
                      (token({"alg": "HS512"}, claims, kind="sha512"), "not allowed"),
                      (token(header | {"crit": ["x"]}, claims), "header"), ("a.b", "no token"), ("", "no token")]:
        nothing, reason = call("jwt.verify", text, "secret", allowed)
        assert nothing is None and why in reason, reason
    assert call("jwt.parseheader", "a.b.c.d")[0] is None and call("jwt.parseheader", token([1], {}))[0] is None
    for options in ({}, {"algorithms": ["none"]}, {"algorithms": ["HS256"], "leeway": -1}, {"algorithms": ["HS256"], "x": "y"}):
        with pytest.raises(Failed, match=r"jwt.verify: argument 3 \(options\): expected"):
            call("jwt.verify", "a.b.c", "secret", options)

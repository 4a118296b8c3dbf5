# SPDX-License-Identifier: Apache-2.0
"""Paths that a rule could take for one thing and a node for another (row 12 of the catalogue of
attacks): both get the same normal form of the same bytes, or the request is refused."""
import pytest

from lab.attack import Target, head

# What a rule sees goes into a header, so the node has both: what the rule saw and what it got.
TELL = 'http.setHeader("X-Raw", http.getRawURL())'
SAME = {
    "/": "/", "/a/b.c": "/a/b.c", "/a/": "/a/",
    "/a/../admin": "/admin", "/a/./b": "/a/b", "/a/b/..": "/a/", "/a/.": "/a/",
    "/a/%2e%2e/admin": "/admin", "/a/%2E./admin": "/admin", "/a/.%2e/admin": "/admin",
    "/%61dmin": "/admin", "/%41%2d%7E%5f": "/A-~_", "/a%2fb%3f": "/a%2Fb%3F", "/%c3%a4": "/%C3%A4",
    "/%25%32%65": "/%252e", "/%252e%252e/x": "/%252e%252e/x",
    "//admin": "//admin", "/a//../admin": "/a/admin", "///": "///",
    "/a;x=1/b;y": "/a;x=1/b;y", "/[a]|^": "/[a]|^", "/@:!$&'()*+,=~": "/@:!$&'()*+,=~",
    "http://a/x/../admin": "/admin", "http://a": "/", "/.well-known/x": "/.well-known/x",
    "/a/../b?x=/../%2e%2e/%zz\\\"<>": "/b?x=/../%2e%2e/%zz\\\"<>",
}
BAD = {
    "/a#b": "target", "/?a#b": "target", "/a\\b": "target", "/..\\admin": "target", "/a\tb": "target",
    "/a\x00b": "target", "/a\x7f": "target", "/\xe4": "target", "/\xc0\xae": "target", "/a?\xe4": "target",
    "/<a>": "target", "/\"": "target", "/{a}": "target", "/`": "target",
    "/a%00b": "path", "/a%00.png": "path", "/%0d%0aX:y": "path", "/%1f": "path", "/%7f": "path",
    "/%": "path", "/%2": "path", "/%zz": "path", "/%u002e": "path", "/%%32e": "path", "/a%2": "path",
    "/..": "path", "/../": "path", "/../admin": "path", "/a/../../admin": "path", "/%2e%2e/admin": "path",
    "http://a/../admin": "path",
    "/%c0%ae%c0%ae/admin": "path", "/%c0%afadmin": "path", "/%e0%80%af": "path", "/%f0%80%80%ae": "path",
    "/%C1%9C": "path",
    "/a/..%2fadmin": "path", "/a%2f..%2fadmin": "path", "/a%2f..": "path", "/..%5c..%5cx": "path",
    "/a%2f%2e%2e/x": "path", "/a/..;/admin": "path", "/a/..;x=y/admin": "path", "/.;/admin": "path",
    "/%2e%2e%2fx/../y": "path",
}


@pytest.mark.parametrize("rule", [None, TELL], ids=["no rule", "rule"])
def test_row_12_rule_and_node_see_one_normal_form(bench, rule):
    target = Target(bench, request=rule)
    for sent, wanted in SAME.items():
        told = [] if rule is None else [f"X-Raw: {wanted}"]
        target.forwarded(f"GET {sent} HTTP/1.1\r\nHost: a\r\n\r\n", head(f"GET {wanted} HTTP/1.1", "Host: a", *told))


def test_row_12_however_the_bytes_are_cut(bench):
    target = Target(bench, request=TELL)
    client = bench.connect(target.weir)
    client.send(*(bytes([byte]) for byte in b"GET /x/%2e%2e/%7ea//b?/../ HTTP/1.1\r\nHost: a\r\n\r\n"))
    assert client.response().status == 200
    assert target.node.requests[0].target == target.node.requests[0].get("X-Raw") == "/~a//b?/../"


def test_row_12_the_log_has_the_target_as_it_came(bench):
    weir = bench.weir([bench.node()])
    bench.connect(weir).get("/x/../%61")
    assert weir.wait_access(1)[0]["uri"] == "/x/../%61"


def test_row_12_what_could_be_read_in_two_ways_is_refused(bench):
    target = Target(bench)
    for sent, reason in BAD.items():
        target.refused(f"GET {sent} HTTP/1.1\r\nHost: a\r\n\r\n", 400, reason)
    for sent, reason in (("/a b", "request_line"), ("/a\rb", "line_end")):
        target.refused(f"GET {sent} HTTP/1.1\r\nHost: a\r\n\r\n", 400, reason)


def test_row_12_slashes_are_merged_for_both_where_the_node_merges_them(bench):
    target = Target(bench, request=TELL, vserver={"http": {"merge_slashes": True}})
    for sent, wanted in (("//admin", "/admin"), ("/a///b//", "/a/b/"), ("/a//../admin", "/admin"),
                         ("/a?//", "/a?//"), ("/a%2f%2fb", "/a%2F%2Fb")):
        target.forwarded(f"GET {sent} HTTP/1.1\r\nHost: a\r\n\r\n",
                         head(f"GET {wanted} HTTP/1.1", "Host: a", f"X-Raw: {wanted}"))


@pytest.mark.parametrize("sent", ["/admin", "/x/../admin", "/%61dmin", "/./admin/", "/x/%2e%2e/admin", "/admin/..;x/y",
                                  "/%2e/admin", "/x/..%2fadmin", "/x/y/../../admin?z", "/%c0%af/../admin"])
def test_row_12_no_way_around_a_rule(bench, sent):
    """A node never hears of what the rule guards, under whatever spelling."""
    node = bench.node()
    weir = bench.weir([node], request='if http.getPath():find("^/admin") then http.sendResponse(403, "text/plain", "no") end')
    assert bench.connect(weir).get(sent).status in (400, 403)
    assert node.connections == []

# SPDX-License-Identifier: Apache-2.0
"""Via names the version in which each message came (RFC 9110 7.6.3), not the one we speak."""


def test_via_tells_the_version_of_the_sender(bench):
    node = bench.node(lambda x: (x.send("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"), x.close()))
    weir = bench.weir([node])
    assert bench.connect(weir).get().get("Via") == "1.0 weir"
    client = bench.connect(weir)
    client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
    client.response()
    assert [request.get("Via") for request in node.requests] == ["1.1 weir", "1.0 weir"]

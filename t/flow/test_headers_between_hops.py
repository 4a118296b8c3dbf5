# SPDX-License-Identifier: Apache-2.0
"""Which headers stay, go and come when a message passes weir."""
import pytest


def passed(bench, headers="", target="/", host="shop.example", vserver=None, version="1.1"):
    """The request as the node got it."""
    node = bench.node()
    client = bench.connect(bench.weir([node], vserver={"connection": {}, **(vserver or {})}))
    client.send(f"GET {target} HTTP/{version}\r\n" + (f"Host: {host}\r\n" if host else "")
                + headers + "\r\n")
    assert client.response().status == 200
    return node.requests[0]


def test_order_spelling_and_values_stay(bench):
    sent = [("x-B", "2"), ("X-a", "1"), ("X-a", "3"), ("Accept", "text/html, */*;q=0.1"),
            ("Cookie", "a=b; c=d"), ("X-Latin", "caf\xe9"), ("X-Empty", "")]
    lines = "".join(f"{name}: {value}\r\n" for name, value in sent).encode("latin-1")
    node = bench.node()
    client = bench.connect(bench.weir([node]))
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n" + lines + b"\r\n")
    client.response()
    got = node.requests[0].headers
    assert [pair for pair in got if pair in sent] == sent


def test_hop_by_hop_headers_go(bench):
    request = passed(bench, "Connection: X-Private, keep-alive, close\r\nX-Private: 1\r\n"
                     "Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: gzip\r\n"
                     "Upgrade: h2c\r\nX-Public: 1\r\n")
    for name in ("X-Private", "Keep-Alive", "Proxy-Connection", "Upgrade"):
        assert request.get(name) is None, name
    assert request.get("TE") in (None, "trailers")
    assert request.get("X-Public") == "1"
    assert "close" not in request.get("Connection", "")


def test_hop_by_hop_headers_of_a_response_go(bench):
    node = bench.node(lambda x: x.reply(200, b"ok", "Connection: X-Private\r\nX-Private: 1\r\n"
                                        "Keep-Alive: timeout=5\r\nX-Public: 1\r\n"))
    response = bench.connect(bench.weir([node])).get("/")
    assert response.get("X-Private") is None and response.get("Keep-Alive") is None
    assert response.get("X-Public") == "1"


@pytest.mark.parametrize("name", ["Host", "Content-Length", "X-Cluster-Client-Ip", "cookie"])
def test_connection_cannot_take_away_what_is_for_the_node(bench, name):
    """'Connection: X-Cluster-Client-Ip' must not make the client anonymous."""
    node = bench.node()
    weir = bench.weir([node])
    client = bench.connect(weir)
    client.send(f"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: {name}\r\n\r\nab")
    assert client.response().status == 400 and node.requests == []
    assert weir.wait_access(1)[0]["reason"] == "connection_names"


def test_absolute_form_becomes_origin_form(bench):
    request = passed(bench, target="http://shop.example/a?b=c")
    assert (request.target, request.get("Host")) == ("/a?b=c", "shop.example")


def test_absolute_form_without_path(bench):
    assert passed(bench, target="http://shop.example?q").target == "/?q"


def test_options_star(bench):
    node = bench.node()
    client = bench.connect(bench.weir([node]))
    assert client.get("*", method="OPTIONS").status == 200
    assert node.requests[0].target == "*"


@pytest.mark.parametrize("target", ["/a%2Fb//c;x=1?q=%20+&r=/../", "/a/./b?%7e=%2e\"<>", "/~a%c3%a4/.b.?"])
def test_the_path_gets_its_normal_form_and_the_query_stays(bench, target):
    path, query = target.split("?", 1)
    path = path.replace("/./", "/").replace("%c3%a4", "%C3%A4")
    assert passed(bench, target=target).target == f"{path}?{query}"


def test_the_host_is_that_of_an_absolute_target(bench):
    request = passed(bench, target="http://Shop.Example/", host="shop.example:80")
    assert (request.target, request.get("Host")) == ("/", "Shop.Example")


def hops(bench, method, count, rule=None):
    node = bench.node()
    client = bench.connect(bench.weir([node], request=rule))
    client.send(f"{method} /a HTTP/1.1\r\nHost: a\r\nCookie: secret\r\nMax-Forwards: {count}\r\n\r\n")
    return client.response(), [request.get("Max-Forwards") for request in node.requests]


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE"])
def test_max_forwards_counts_down(bench, method):
    """RFC 9110 7.6.2"""
    response, seen = hops(bench, method, 7)
    assert (response.status, seen) == (200, ["6"])


def test_the_last_hop_answers_options_itself(bench):
    response, seen = hops(bench, "OPTIONS", 0)
    assert (response.status, response.get("Content-Length"), seen) == (200, "0", [])


def test_the_last_hop_reflects_no_trace(bench):
    response, seen = hops(bench, "TRACE", 0)
    assert (response.status, seen) == (501, [])
    assert b"secret" not in response.raw + response.body


def test_max_forwards_of_other_methods_is_left_alone(bench):
    response, seen = hops(bench, "GET", 0)
    assert (response.status, seen) == (200, ["0"])


def test_a_rule_comes_before_the_last_hop(bench):
    response, seen = hops(bench, "OPTIONS", 0, 'http.setHeader("Max-Forwards", "3")')
    assert (response.status, seen) == (200, ["2"])


def test_informational_answers_have_our_via(bench):
    node = bench.node(lambda x: (x.send("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"), x.reply()))
    client = bench.connect(bench.weir([node]))
    assert (client.get().get("Via"), client.response().get("Via")) == ("1.1 weir", "1.1 weir")


def test_the_client_is_told_by_default(bench):
    request = passed(bench, "X-Cluster-Client-Ip: 6.6.6.6\r\nX-Forwarded-For: 5.5.5.5\r\n"
                     "X-Forwarded-Proto: https\r\n")
    assert request.all("X-Cluster-Client-Ip") == ["127.0.0.1"]  # what a client claims is replaced
    assert request.all("X-Forwarded-For") == ["5.5.5.5"]        # off: passed on as it came
    assert request.all("X-Forwarded-Proto") == []               # a client's claim is stripped


def test_telling_can_be_turned_off(bench):
    request = passed(bench, vserver={"http": {"add_cluster_ip": False}})
    assert request.get("X-Cluster-Client-Ip") is None


def test_forwarded_for_appends(bench):
    request = passed(bench, "X-Forwarded-For: 5.5.5.5\r\nX-Forwarded-For: 4.4.4.4\r\n",
                     vserver={"http": {"add_x_forwarded_for": True}})
    assert ", ".join(request.all("X-Forwarded-For")) == "5.5.5.5, 4.4.4.4, 127.0.0.1"


def test_forwarded_proto(bench):
    request = passed(bench, "X-Forwarded-Proto: https\r\n",
                     vserver={"http": {"add_x_forwarded_proto": True}})
    assert request.all("X-Forwarded-Proto") == ["http"]


def test_via_appends(bench):
    request = passed(bench, "Via: 1.0 other\r\n", vserver={"http": {"add_via": True}})
    via = ", ".join(request.all("Via"))
    assert via.startswith("1.0 other, 1.1 ")


def test_a_node_hears_http_1_1_of_an_old_client(bench):
    request = passed(bench, version="1.0", host=None)
    assert request.version == 1
    assert len(request.all("Host")) == 1

# SPDX-License-Identifier: Apache-2.0
"""No client can change what the web cache gives to another: what a node may look at is part of the key."""
import pytest

from lab.weir import free_port

ON = {"web_cache": {"enabled": True}}
FRESH = "Cache-Control: max-age=60\r\n"


def reflecting(*names):
    """A node that builds its answer from the request, and says in no Vary that it does."""
    def answer(x):
        x.reply(200, "|".join([x.request.target, *(str(x.request.all(name)) for name in names)]).encode(), FRESH)
    return answer


def start(bench, answer, vserver=None, **options):
    node = bench.node(answer)
    weir = bench.weir([node], vserver={**ON, **(vserver or {})}, **options)
    return node, bench.connect(weir)


@pytest.mark.parametrize("name", [
    "X-Forwarded-Host", "x_forwarded_HOST", "X-Forwarded-Port", "X-Forwarded-Scheme", "X-Forwarded-Prefix",
    "X-Forwarded-Server", "X-Host", "X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override", "X-HTTP-Method",
    "X-Method-Override", "X-Original-Host", "Forwarded", "Front-End-Https", "X-Scheme", "X-Http-Host-Override"])
def test_headers_that_frameworks_look_at(bench, name):
    node, client = start(bench, reflecting(name))
    evil = client.get("/a", f"{name}: evil\r\n").text
    assert "evil" in evil
    good = client.get("/a").text
    assert "evil" not in good
    assert client.get("/a", f"{name}: evil\r\n").text == evil and client.get("/a").text == good
    assert client.get("/a", f"{name}: evil2\r\n").text != evil


def test_forwarded_proto_counts_where_nodes_see_it(bench):
    node, client = start(bench, reflecting("X-Forwarded-Proto"),
                         {"http": {"strip_x_forwarded_proto": False}})
    assert "https" in client.get("/a", "X-Forwarded-Proto: https\r\n").text
    assert "https" not in client.get("/a").text
    node, client = start(bench, reflecting("X-Forwarded-Proto"))
    assert "https" not in client.get("/a", "X-Forwarded-Proto: https\r\n").text
    client.get("/a")
    assert len(node.requests) == 1


def test_hosts_are_kept_apart_as_nodes_see_them(bench):
    node, client = start(bench, reflecting("Host"))
    seen = [client.get("/a", host=host).text for host in ("one", "two", "ONE", "one:80", "one")]
    assert seen == ["/a|['one']", "/a|['two']", "/a|['ONE']", "/a|['one:80']", "/a|['one']"]
    assert len(node.requests) == 4


def test_requests_without_a_host_are_for_where_they_were_headed(bench):
    node = bench.node(reflecting("Host"))
    listens = [f"127.0.0.1:{free_port()}", f"127.0.0.2:{free_port()}"]
    weir = bench.weir([node], vserver={**ON, "listen": listens})

    def ask(number, headers=""):
        with weir.client(number=number) as client:
            client.send(f"GET /a HTTP/1.0\r\n{headers}\r\n")
            return client.response().text

    assert ask(0, "Host: -\r\n") == "/a|['-']"
    for number in (0, 1, 0, 1):
        assert ask(number) == f"/a|['{listens[number]}']"
    assert len(node.requests) == 3


def test_an_absolute_target_is_its_host_and_path(bench):
    node, client = start(bench, reflecting("Host"))
    assert client.get("http://one/a", host="one").text == "/a|['one']"
    assert client.get("/a", host="one").text == "/a|['one']"
    assert client.get("/a", host="two").text == "/a|['two']"
    assert client.get("http://two/a", host="one").status == 400
    assert len(node.requests) == 2


def test_paths_count_in_their_normal_form_which_the_node_sees(bench):
    node, client = start(bench, reflecting())
    for target, seen in (("/a/./b", "/a/b"), ("/a/%62", "/a/b"), ("/a/x/../b", "/a/b"), ("/a/b", "/a/b"),
                         ("/a//b", "/a//b"), ("/A/b", "/A/b"), ("/a%2fb", "/a%2Fb"), ("/a/b/", "/a/b/")):
        assert client.get(target).text == seen
    assert len(node.requests) == 5


def test_queries_in_any_order_but_that_of_one_name(bench):
    node, client = start(bench, reflecting())
    one = client.get("/a?b=1&a=2").text
    assert client.get("/a?a=2&b=1").text == one == "/a?b=1&a=2"
    assert client.get("/a?x=1&x=2").text == "/a?x=1&x=2"
    assert client.get("/a?x=2&x=1").text == "/a?x=2&x=1"
    seen = [client.get(target).text for target in ("/a", "/a?", "/a?a", "/a?a=", "/a?a&b", "/a?ab", "/a?a=2%26b=1")]
    assert seen == ["/a", "/a?", "/a?a", "/a?a=", "/a?a&b", "/a?ab", "/a?a=2%26b=1"]


def test_queries_as_they_come(bench):
    node, client = start(bench, reflecting(), web_cache={"normalize_query": False})
    assert client.get("/a?b=1&a=2").text == "/a?b=1&a=2"
    assert client.get("/a?a=2&b=1").text == "/a?a=2&b=1"


def test_long_queries_stay_as_they_are(bench):
    node, client = start(bench, reflecting())
    many = [f"k{i}=1" for i in range(100)]
    for items in (many, many[::-1]):
        target = "/a?" + "&".join(items)
        assert client.get(target).text == target
    target = "/a?" + "x" * 3000
    client.get(target)
    client.get(target)
    assert len(node.requests) == 4


def test_a_get_with_a_body_is_neither_answered_nor_stored(bench):
    def answer(x):
        x.reply(200, x.request.body or b"none", FRESH)

    node, client = start(bench, answer)
    assert client.get("/a", body=b"evil").text == "evil"
    assert client.get("/a").text == "none"
    assert client.get("/a", body=b"evil").text == "evil"


def test_methods_are_kept_apart(bench):
    def answer(x):
        x.reply(200, x.request.method.encode(), FRESH)

    node, client = start(bench, answer)
    for method in ("GET", "OPTIONS", "PROPFIND", "GET"):
        assert client.get("/a", method=method).text == method


def test_pools_and_virtual_servers_share_nothing(bench):
    one, two = (bench.node(lambda x, name=name: x.reply(200, name, FRESH)) for name in (b"one", b"two"))
    port = free_port()
    conf = {"virtual_servers": {
        "main": {"listen": f"127.0.0.1:{free_port()}", "pool": "one", "request_rules": ["choose"], **ON},
        "other": {"listen": f"127.0.0.1:{port}", "pool": "two", **ON}},
        "pools": {"one": {"nodes": [one.name]}, "two": {"nodes": [two.name]}}}
    weir = bench.start(conf, {"choose": 'if http.getHeader("X-Two") then pool.use("two") end'})
    client, other = bench.connect(weir), bench.connect(weir, name="other")
    for _ in range(2):
        assert client.get("/a").text == "one"
        assert client.get("/a", "X-Two: 1\r\n").text == "two"
        assert other.get("/a").text == "two"
    assert (len(one.requests), len(two.requests)) == (1, 2)


def test_the_address_that_a_rule_forces_is_part_of_the_key(bench):
    one, two = (bench.node(lambda x, name=name: x.reply(200, name, FRESH)) for name in (b"one", b"two"))
    weir = bench.weir([one], vserver=ON, request=f"""
        local port = http.getHeader("X-Two") and {two.port} or {one.port}
        pool.use("web", "127.0.0.1", port)""")
    client = bench.connect(weir)
    assert [client.get("/a", h).text for h in ("", "X-Two: 1\r\n", "", "X-Two: 1\r\n")] == ["one", "two"] * 2


def test_what_response_rules_make_of_it_is_made_for_each_client(bench):
    node = bench.node(lambda x: x.reply(200, b"body", FRESH))
    weir = bench.weir([node], vserver=ON, response="""
        http.setResponseHeader("X-For", http.getHeader("X-Name") or "nobody")
        http.setResponseBody(http.getResponseBody() .. " for " .. (http.getHeader("X-Name") or "nobody"))""")
    client = bench.connect(weir)
    for name in ("ann", "bob", "ann"):
        response = client.get("/a", f"X-Name: {name}\r\n")
        assert (response.get("X-For"), response.text) == (name, f"body for {name}")
    response = client.get("/a")
    assert (response.get("X-For"), response.text) == ("nobody", "body for nobody")
    assert len(node.requests) == 1


def test_cookies_that_request_rules_set_are_not_stored(bench):
    node = bench.node(lambda x: x.reply(200, b"body", FRESH))
    weir = bench.weir([node], vserver=ON, request='http.setResponseCookie("who", http.getHeader("X-Name"))')
    client = bench.connect(weir)
    for name in ("ann", "bob"):
        assert client.get("/a", f"X-Name: {name}\r\n").get("Set-Cookie").startswith(f"who={name}")
    assert len(node.requests) == 1


def test_many_variants_do_not_push_each_other_out_without_end(bench):
    node, client = start(bench, lambda x: x.reply(200, str(x.request.get("User-Agent")).encode(),
                                                  FRESH + "Vary: User-Agent\r\n"))
    for number in range(150):
        assert client.get("/a", f"User-Agent: {number}\r\n").text == str(number)
    assert client.get("/a", "User-Agent: 149\r\n").text == "149"
    assert len(node.requests) == 150

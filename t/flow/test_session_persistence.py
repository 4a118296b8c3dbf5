# SPDX-License-Identifier: Apache-2.0
"""Session persistence: requests of one client session go to one node, whichever worker has them, and
what follows when that node cannot be used."""
import re
import subprocess

import pytest

from lab.wait import until
from lab.weir import PROGRAM, free_port

CLIENTS = [f"127.0.1.{number}" for number in range(1, 13)]


def named(number, headers=""):
    return lambda x: x.reply(200, b"node %d" % number, headers)


def make_nodes(bench, count=4, headers=""):
    return [bench.node(named(number, headers)) for number in range(count)]


def weir_with(bench, nodes, klass, workers=4, **options):
    pool = {"persistence_class": "shop", **options.pop("pool", {})}
    return bench.weir(nodes, workers=workers, pool=pool, persistence_classes={"shop": klass}, **options)


def ask(weir, headers="", path="/", source=None):
    """On a new connection, so that any worker may have it."""
    with weir.client(source=source) as client:
        return client.get(path, headers)


def node_of(weir, headers="", path="/", source=None):
    answer = ask(weir, headers, path, source)
    assert answer.status == 200, answer.line
    return int(answer.text.split()[1])


def counts(weir, klass="shop"):
    found = weir.status()["persistence_classes"][klass]
    return {key[:-len("_total")]: value for key, value in found.items() if key.endswith("_total")}


def caches(weir):
    return weir.status()["session_caches"]


def change(weir, word, node, *more):
    subprocess.run([PROGRAM, word, "-c", weir.path, *more, node.name], check=True, timeout=30,
                   stdout=subprocess.DEVNULL)


def held(weir, ways, times=6):
    """The node of each of `ways` (arguments of node_of), which is the same every time."""
    found = [node_of(weir, **way) for way in ways]
    for _ in range(times):
        assert [node_of(weir, **way) for way in ways] == found
    return found


def kill(bench, node):
    node.close()
    bench.nodes.remove(node)


# ---- what tells a session ---------------------------------------------------------------------------


def test_without_a_class_nothing_holds(bench):
    weir = bench.weir(make_nodes(bench), persistence_classes={"shop": {}})
    assert [node_of(weir) for _ in range(8)] == [0, 1, 2, 3] * 2
    assert counts(weir) == {"kept": 0, "begun": 0, "lost": 0, "without": 0, "displaced": 0}


def test_by_address(bench):
    weir = weir_with(bench, make_nodes(bench), {"type": "ip"})
    found = held(weir, [{"source": client} for client in CLIENTS])
    assert len(set(found)) > 1
    assert counts(weir) == {"kept": 72, "begun": 12, "lost": 0, "without": 0, "displaced": 0}
    assert caches(weir) == {"ip": {"size": 32768, "used": 12}}
    assert re.search(r"shop +ip +72 +12 +0 +0 +0\n", weir.status_text())
    assert re.search(r"ip +12 +32768\n", weir.status_text())


def test_by_network(bench):
    weir = weir_with(bench, make_nodes(bench), {"subnet_prefix_length_v4": 24})
    for network in range(1, 9):
        ways = [{"source": f"127.0.{network}.{host}"} for host in (1, 77, 254)]
        assert len(set(held(weir, ways, times=2))) == 1
    assert counts(weir)["begun"] == 8


def test_by_address_of_ipv6(bench):
    nodes = make_nodes(bench, 3)
    weir = weir_with(bench, nodes, {"subnet_prefix_length_v6": 64}, listen=f"[::1]:{free_port()}")
    assert len(set(held(weir, [{}], times=8))) == 1


def test_by_the_address_that_a_rule_gives_the_client(bench):
    weir = weir_with(bench, make_nodes(bench), {}, request="request.setRemoteIP(http.getHeader('X-Client'))")
    ways = [{"headers": f"X-Client: 192.0.2.{number}\r\n"} for number in range(1, 9)]
    assert len(set(held(weir, ways, times=3))) > 1


KEY = """
local user = http.getHeader("X-User")
if user then connection.setPersistenceKey(user) end
if http.getPath() == "/away" then connection.setPersistenceKey("") end
"""


def test_by_key_of_a_rule(bench):
    weir = weir_with(bench, make_nodes(bench), {"type": "universal"}, request=KEY)
    ways = [{"headers": f"X-User: {number}\r\n", "source": CLIENTS[number]} for number in range(8)]
    assert len(set(held(weir, ways))) > 1
    found = counts(weir)
    assert (found["kept"], found["begun"], found["without"]) == (48, 8, 0)
    assert len({node_of(weir) for _ in range(40)}) == 4, "no key, no session"
    assert len({node_of(weir, "X-User: 1\r\n", "/away") for _ in range(40)}) == 4
    assert counts(weir)["without"] == 80


def test_a_key_holds_for_one_request(bench):
    weir = weir_with(bench, make_nodes(bench), {"type": "universal"}, request=KEY, workers=1)
    client = bench.connect(weir)
    first = client.get("/", "X-User: a\r\n").text
    assert len({client.get("/").text for _ in range(8)}) == 4
    assert client.get("/", "X-User: a\r\n").text == first


def test_by_name_of_a_rule(bench):
    nodes = make_nodes(bench)
    weir = weir_with(bench, nodes, {"type": "named"}, request="""
        local node = http.getHeader("X-Node")
        if node then connection.setPersistenceNode(node) end
    """)
    for number, node in enumerate(nodes):
        assert {node_of(weir, f"X-Node: {node.name}\r\n") for _ in range(6)} == {number}
    assert len({node_of(weir) for _ in range(40)}) == 4
    first = min(range(4), key=lambda n: nodes[n].port.to_bytes(2, "little"))
    for other in ("127.0.0.1", "127.0.0.1:9"):  # no port, and no node's port
        assert {node_of(weir, f"X-Node: {other}\r\n") for _ in range(6)} == {first}
    assert counts(weir)["lost"] == 0
    assert len({node_of(weir, "X-Node: 192.0.2.1:80\r\n") for _ in range(40)}) == 4
    assert counts(weir)["lost"] == 40
    assert caches(weir) == {}


def test_by_a_cookie_of_weir(bench):
    weir = weir_with(bench, make_nodes(bench), {"type": "transparent"})
    cookies = {}
    for _ in range(12):
        answer = ask(weir)
        name, value = re.fullmatch(r"(X-Mapping-[a-z]{8})=([0-9a-f]{64}); Path=/",
                                   answer.get("Set-Cookie")).groups()
        assert cookies.setdefault(answer.text, (name, value)) == (name, value)
    assert len(cookies) > 1
    for node, (name, value) in cookies.items():
        for _ in range(6):
            answer = ask(weir, f"Cookie: a=b; {name}={value}; c=d\r\n")
            assert (answer.text, answer.get("Set-Cookie")) == (node, None)
    assert counts(weir) == {"kept": 6 * len(cookies), "begun": 12, "lost": 0, "without": 0, "displaced": 0}


def test_the_cookie_has_its_directives(bench):
    weir = weir_with(bench, make_nodes(bench), {"type": "transparent", "transparent": {
        "directives": "Secure; HttpOnly; SameSite=Lax", "always_set_cookie": True}})
    first = ask(weir)
    cookie = first.get("Set-Cookie")
    assert cookie.endswith("; Path=/; Secure; HttpOnly; SameSite=Lax")
    again = ask(weir, f"Cookie: {cookie.split(';')[0]}\r\n")
    assert (again.text, again.get("Set-Cookie")) == (first.text, cookie)


def test_a_made_up_cookie_is_none(bench):
    weir = weir_with(bench, make_nodes(bench), {"type": "transparent"})
    name, value = ask(weir).get("Set-Cookie").split(";")[0].split("=")
    bad = [value[:-1], value + "0", "0" * 64, "", value[:-1] + ("0" if value[-1] != "0" else "1"),
           "127.0.0.1:80", "x" * 64]
    for one in bad:
        answer = ask(weir, f"Cookie: {name}={one}\r\n")
        assert answer.status == 200 and answer.get("Set-Cookie").startswith(name)
    assert counts(weir)["lost"] == len(bad)
    good = ask(weir, f"Cookie: {name}=0; {name}={value}\r\n")
    assert good.get("Set-Cookie") is None, "one of them is good"


def test_a_cookie_is_for_its_class_and_its_pool(bench):
    nodes = make_nodes(bench, 4)
    weir = bench.weir(nodes[:2], request="pool.use(http.getHeader('X-Pool'))", workers=2,
                      persistence_classes={"one": {"type": "transparent"}, "two": {"type": "transparent"}},
                      pool={"persistence_class": "one"}, pools={
                          "same": {"nodes": [nodes[2].name], "persistence_class": "one"},
                          "two": {"nodes": [node.name for node in nodes], "persistence_class": "two"}})
    cookies = {ask(weir, "X-Pool: two\r\n").get("Set-Cookie").split(";")[0] for _ in range(40)}
    assert len(cookies) == 4
    name = ask(weir, "X-Pool: web\r\n").get("Set-Cookie").split("=")[0]
    assert name not in {cookie.split("=")[0] for cookie in cookies}
    for cookie in cookies:  # what one class gave is nothing to the other
        ask(weir, f"X-Pool: web\r\nCookie: {name}={cookie.split('=')[1]}\r\n")
    assert counts(weir, "one")["lost"] == 4
    # all are 127.0.0.1: what the class gave for another pool of it leads to a node of this pool
    cookie = ask(weir, "X-Pool: same\r\n").get("Set-Cookie").split(";")[0]
    found = {node_of(weir, f"X-Pool: web\r\nCookie: {cookie}\r\n") for _ in range(20)}
    assert len(found) == 1 and found <= {0, 1}


APPLICATION = [
    ("cookie", {"type": "cookie", "cookie": "sid"}, "Set-Cookie: sid={}; Path=/\r\n", "Cookie: sid={}\r\n", "/"),
    ("j2ee", {"type": "j2ee"}, "Set-Cookie: JSESSIONID={}\r\n", "Cookie: JSESSIONID={}\r\n", "/"),
    ("j2ee", {"type": "j2ee"}, "Location: /a;jsessionid={}?b\r\n", "", "/c;jsessionid={}"),
    ("asp", {"type": "asp"}, "Set-Cookie: ASPSESSIONIDABCDEFGH={}\r\n", "Cookie: ASPSESSIONIDABCDEFGH={}\r\n", "/"),
    ("asp", {"type": "asp"}, "Set-Cookie: ASP.NET_SessionId={}\r\n", "Cookie: ASP.NET_SessionId={}\r\n", "/"),
    ("asp", {"type": "asp"}, "Location: /(S({}))/a\r\n", "", "/(S({}))/b"),
]


@pytest.mark.parametrize("kind, klass, gives, brings, path", APPLICATION)
def test_by_a_session_of_the_application(bench, kind, klass, gives, brings, path):
    """Whoever gives a session has it, whichever node that is."""
    def login(number):
        def answer(x):
            given = gives.format(x.request.get("X-New")) if x.request.get("X-New") else ""
            x.reply(200, b"node %d" % number, given)
        return answer

    nodes = [bench.node(login(number)) for number in range(4)]
    weir = weir_with(bench, nodes, klass)
    homes = {f"s{number}x": node_of(weir, f"X-New: s{number}x\r\n") for number in range(12)}
    assert len(set(homes.values())) > 1
    for _ in range(5):
        for session, home in homes.items():
            assert node_of(weir, brings.format(session), path.format(session)) == home
    assert counts(weir)["without"] == 12 and counts(weir)["kept"] == 60
    assert caches(weir) == {kind: {"size": 32768, "used": 12}}
    # one that nobody has given, as after a restart of weir, stays with whom it first comes to
    found = {node_of(weir, brings.format("old"), path.format("old")) for _ in range(12)}
    assert len(found) == 1
    # and one that is given anew moves
    for _ in range(12):
        moved = node_of(weir, "X-New: s0x\r\n")
        assert node_of(weir, brings.format("s0x"), path.format("s0x")) == moved


def test_by_the_node_that_the_application_names(bench):
    nodes = make_nodes(bench)
    weir = weir_with(bench, nodes, {"type": "x_zeus"})
    for number, node in enumerate(nodes):
        for _ in range(4):
            assert node_of(weir, f"Cookie: a=b; X-Zeus-Backend={node.name}\r\n") == number
    assert len({node_of(weir) for _ in range(40)}) == 4
    assert counts(weir)["lost"] == 0
    assert len({node_of(weir, "Cookie: X-Zeus-Backend=192.0.2.1:80\r\n") for _ in range(40)}) == 4
    assert len({node_of(weir, "Cookie: X-Zeus-Backend=web1\r\n") for _ in range(40)}) == 4
    assert counts(weir)["lost"] == 80


# ---- classes ----------------------------------------------------------------------------------------


def test_a_rule_chooses_the_class(bench):
    weir = bench.weir(make_nodes(bench), workers=4, persistence_classes={"shop": {}, "key": {"type": "universal"}},
                      pool={"persistence_class": "shop"}, request="""
        local before = connection.getPersistence()
        if http.getPath() == "/key" then
            assert(connection.setPersistence("key"))
            connection.setPersistenceKey(http.getHeader("X-User"))
        elseif http.getPath() == "/back" then
            connection.setPersistence("key")
            connection.setPersistence()
        elseif http.getPath() == "/wrong" then
            local name = "wrong"
            assert(connection.setPersistence(name) == false)
        end
        http.setHeader("X-Class", before .. " " .. connection.getPersistence())
    """, response="http.setResponseHeader('X-Class', connection.getPersistence())")
    home = node_of(weir)
    ways = [{"path": "/key", "headers": f"X-User: {number}\r\n"} for number in range(8)]
    assert len(set(held(weir, ways, times=3))) > 1
    assert {node_of(weir, path="/back") for _ in range(8)} == {home}
    assert {node_of(weir, path="/wrong") for _ in range(8)} == {home}
    weir.wait_log("there is no persistence class 'wrong'")
    assert ask(weir, "X-User: 1\r\n", "/key").get("X-Class") == "key"
    assert ask(weir).get("X-Class") == "shop"


def test_a_literal_class_is_checked(bench):
    nodes = make_nodes(bench, 1)
    with pytest.raises(RuntimeError, match="there is no persistence class 'ship'"):
        bench.weir(nodes, persistence_classes={"shop": {}}, request="connection.setPersistence('ship')")
    with pytest.raises(RuntimeError, match="makes no sense in a completion rule"):
        bench.weir(nodes, completion="connection.setPersistenceKey('a')")
    bench.weir(nodes, request="connection.setPersistenceKey('ship') connection.setPersistenceNode('127.0.0.1')")


def test_wrong_arguments_say_what_was_expected(bench):
    weir = bench.weir(make_nodes(bench, 1), request="connection.setPersistenceNode(http.getHeader('X-Node'))")
    assert ask(weir, "X-Node: web1\r\n").status == 500
    weir.wait_log(r"request.lua:1: connection.setPersistenceNode: argument 1 \(node\): expected a node such as")
    assert ask(weir).status == 500, "nil is no node either"


def test_pools_of_the_same_hosts_share_a_class(bench):
    """Two services on each of three hosts: who is on one service of a host gets the other there, too."""
    hosts = [f"127.0.2.{number}" for number in range(1, 4)]
    web = [bench.node(named(n), address=host) for n, host in enumerate(hosts)]
    api = [bench.node(named(n), address=host) for n, host in enumerate(hosts)]
    weir = weir_with(bench, web, {}, request="if http.getPath() == '/api' then pool.use('api') end",
                     pools={"api": {"nodes": [node.name for node in api], "persistence_class": "shop"}})
    for client in CLIENTS:
        home = node_of(weir, source=client)
        for _ in range(3):
            assert node_of(weir, path="/api", source=client) == home
            assert node_of(weir, source=client) == home
    assert all(node.requests for node in api)
    assert counts(weir)["lost"] == 0


def test_classes_of_one_type_keep_apart(bench):
    """A client is somewhere in one class and elsewhere in the other: neither moves it in the other."""
    nodes = [bench.node(named(n), address=f"127.0.2.{n + 1}") for n in range(4)]
    weir = bench.weir(nodes[:2], request="if http.getPath() == '/b' then pool.use('b') end",
                      persistence_classes={"one": {}, "two": {}}, pool={"persistence_class": "one"},
                      pools={"b": {"nodes": [node.name for node in nodes[2:]], "persistence_class": "two"}})
    for client in CLIENTS:
        homes = node_of(weir, source=client), node_of(weir, path="/b", source=client)
        for _ in range(3):
            assert (node_of(weir, source=client), node_of(weir, path="/b", source=client)) == homes
    assert [counts(weir, klass)["lost"] for klass in ("one", "two")] == [0, 0]


# ---- nodes that come and go -------------------------------------------------------------------------


def test_a_draining_node_keeps_its_sessions(bench):
    nodes = make_nodes(bench)
    weir = weir_with(bench, nodes, {})
    homes = {client: node_of(weir, source=client) for client in CLIENTS[:8]}
    change(weir, "drain", nodes[0])
    for _ in range(3):
        assert {client: node_of(weir, source=client) for client in homes} == homes
    assert 0 in homes.values()
    assert 0 not in {node_of(weir, source=client) for client in CLIENTS[8:]}
    assert counts(weir)["lost"] == 0


def test_a_disabled_node_loses_its_sessions(bench):
    nodes = make_nodes(bench)
    weir = weir_with(bench, nodes, {})
    homes = {client: node_of(weir, source=client) for client in CLIENTS}
    lost = [client for client, home in homes.items() if home == 0]
    change(weir, "disable", nodes[0])
    new = {client: node_of(weir, source=client) for client in homes}
    assert 0 not in new.values()
    assert all(new[client] == homes[client] for client in homes if client not in lost)
    assert counts(weir)["lost"] == len(lost)
    change(weir, "enable", nodes[0])
    for _ in range(3):
        assert {client: node_of(weir, source=client) for client in homes} == new, "they have moved"


def test_a_dead_node_loses_its_sessions_without_an_error(bench):
    nodes = make_nodes(bench)
    weir = weir_with(bench, nodes, {}, pool={"keepalive": False})
    homes = {client: node_of(weir, source=client) for client in CLIENTS}
    kill(bench, nodes[0])
    new = {client: node_of(weir, source=client) for client in homes}
    assert 0 not in new.values()
    assert all(new[client] == home for client, home in homes.items() if home != 0)
    for _ in range(3):
        assert {client: node_of(weir, source=client) for client in homes} == new
    assert counts(weir)["lost"] == list(homes.values()).count(0)


def detail_of_lost(weir):
    """What its access line says; those of several workers come in any order."""
    def find():
        return next((line["detail"] for line in list(weir.access) if line["end"] == "session_lost"), None)
    return until(find, "a lost session in the access log")


def make_lost(bench, klass, **options):
    """A weir and the headers of a session whose node was disabled; another node is there."""
    nodes = make_nodes(bench, 2)
    weir = weir_with(bench, nodes, klass, **options)
    answer = ask(weir)
    cookie = answer.get("Set-Cookie")
    home = int(answer.text.split()[1])
    change(weir, "disable", nodes[home])
    return weir, nodes[home], home, "" if cookie is None else f"Cookie: {cookie.split(';')[0]}\r\n"


def test_a_lost_session_is_redirected(bench):
    weir, _, home, _ = make_lost(bench, {"failure_mode": "url", "url": "http://sorry.example/?a"})
    answer = ask(weir)
    assert (answer.status, answer.get("Location")) == (302, "http://sorry.example/?a")
    assert detail_of_lost(weir) == "the node of the session is disabled"
    assert {node_of(weir) for _ in range(6)} == {1 - home}, "it is forgotten"
    assert counts(weir) == {"kept": 5, "begun": 2, "lost": 1, "without": 0, "displaced": 0}


def test_the_clients_connection_outlives_a_redirect(bench):
    weir, _, home, _ = make_lost(bench, {"failure_mode": "url", "url": "/sorry"})
    client = bench.connect(weir)
    assert client.get("/").status == 302
    assert client.get("/").text == f"node {1 - home}"


def test_a_lost_session_is_closed(bench):
    weir, _, home, _ = make_lost(bench, {"failure_mode": "close"})
    client = bench.connect(weir)
    answer = client.get("/")
    assert (answer.status, answer.get("Connection")) == (503, "close")
    assert client.ending() == "end"
    assert node_of(weir) == 1 - home


@pytest.mark.parametrize("mode", [{"failure_mode": "url", "url": "/sorry"}, {"failure_mode": "close"}])
def test_without_delete_it_waits_for_its_node(bench, mode):
    weir, node, home, _ = make_lost(bench, {"delete": False, **mode})
    for _ in range(4):
        assert ask(weir).status in (302, 503)
    change(weir, "enable", node)
    assert {node_of(weir) for _ in range(4)} == {home}


@pytest.mark.parametrize("delete", [True, False])
def test_the_cookie_of_a_lost_session_goes(bench, delete):
    weir, _, home, cookie = make_lost(bench, {"type": "transparent", "failure_mode": "url", "url": "/sorry",
                                              "delete": delete, "transparent": {"directives": "Secure"}})
    answer = ask(weir, cookie)
    assert answer.status == 302
    if delete:
        name = cookie.split()[1].split("=")[0]
        assert answer.get("Set-Cookie") == f"{name}=; Path=/; Max-Age=0; Secure"
    else:
        assert answer.get("Set-Cookie") is None
    assert node_of(weir) == 1 - home


def test_a_new_node_tells_its_cookie(bench):
    weir, _, home, cookie = make_lost(bench, {"type": "transparent"})
    answer = ask(weir, cookie)
    assert answer.text == f"node {1 - home}"
    new = answer.get("Set-Cookie").split(";")[0]
    assert new.split("=")[0] == cookie.split()[1].split("=")[0] and f"Cookie: {new}\r\n" != cookie


def test_a_node_that_a_rule_names_and_that_is_not_there(bench):
    weir = weir_with(bench, make_nodes(bench), {"type": "named", "failure_mode": "close"},
                     request="connection.setPersistenceNode('192.0.2.1:80')")
    assert ask(weir).status == 503
    assert detail_of_lost(weir) == "the node of the session is not in the pool"


def test_a_session_that_begins_is_never_lost(bench):
    """The first node that it is given does not answer: that is no reason to send the client away."""
    nodes = make_nodes(bench, 2)
    weir = weir_with(bench, nodes, {"failure_mode": "close"}, workers=1,
                     pool={"keepalive": False, "node_connection_attempts": 100})
    kill(bench, nodes[0])
    assert [node_of(weir, source=client) for client in CLIENTS] == [1] * len(CLIENTS)
    assert counts(weir)["lost"] == 0


def test_a_node_that_fails_in_the_middle_of_a_session(bench):
    nodes = make_nodes(bench, 2)
    weir = weir_with(bench, nodes, {"failure_mode": "url", "url": "/sorry"}, pool={"keepalive": False})
    home = node_of(weir)
    kill(bench, nodes[home])
    assert ask(weir).status == 302
    assert detail_of_lost(weir) == "the node of the session did not answer"
    assert {node_of(weir) for _ in range(5)} == {1 - home}


def test_avoided_nodes_are_for_sessions_that_begin(bench):
    weir = weir_with(bench, make_nodes(bench, 2), {}, workers=2, request="""
        local node = http.getHeader("X-Avoid")
        if node then request.avoidNode(node) end
    """)
    home = node_of(weir)
    name = bench.nodes[home].name
    assert {node_of(weir, f"X-Avoid: {name}\r\n") for _ in range(6)} == {home}
    assert {node_of(weir, f"X-Avoid: {name}\r\n", source=client) for client in CLIENTS} == {1 - home}


def test_a_retry_looks_for_its_session_anew(bench):
    nodes = [bench.node(lambda x: x.reply(503 if x.request.target == "/" else 200, b"node 0")),
             bench.node(named(1))]
    weir = bench.weir(nodes[:1], pool={"persistence_class": "shop"}, workers=1,
                      persistence_classes={"shop": {"type": "transparent"}},
                      pools={"rest": {"nodes": [nodes[1].name]}}, response="""
        if http.getResponseCode() == "503" or http.getResponseCode() == 503 then
            if request.getRetries() == 0 then pool.select("rest") request.retry() end
        end
    """)
    answer = ask(weir)
    assert (answer.status, answer.text, answer.get("Set-Cookie")) == (200, "node 1", None)
    assert ask(weir, path="/fine").get("Set-Cookie") is not None


# ---- weir itself ------------------------------------------------------------------------------------


def test_sessions_outlive_a_reload_and_a_dead_worker(bench):
    weir = weir_with(bench, make_nodes(bench), {}, request="local a = 1")
    ways = [{"source": client} for client in CLIENTS]
    homes = held(weir, ways, times=1)
    with open(f"{weir.directory}/rules/request.lua", "w") as file:
        file.write("http.setHeader('X-New', 'yes')")
    subprocess.run([PROGRAM, "reload", "-c", weir.path], check=True, timeout=30, stdout=subprocess.DEVNULL)
    assert held(weir, ways, times=1) == homes
    weir.deaths_expected = True
    for worker in weir.status()["workers"]:
        subprocess.run(["kill", "-9", str(worker["pid"])], check=True)
    weir.until_status(lambda now: {worker["restarts"] for worker in now["workers"]}, {1})
    assert held(weir, ways, times=1) == homes


def test_cookies_outlive_a_restart(bench):
    nodes = make_nodes(bench)
    secret = {}
    for name, text in (("one", "sixteen bytes are enough"), ("two", "these are not the same ones")):
        secret[name] = f"{bench.weir(nodes).directory}/{name}"
        with open(secret[name], "w") as file:
            file.write(text)

    def start(name, which=nodes):
        return weir_with(bench, which, {"type": "transparent"}, session={"secret_file": secret[name]})

    cookies = {answer.text: answer.get("Set-Cookie").split(";")[0]
               for answer in (ask(start("one")) for _ in range(1))}
    for text, cookie in cookies.items():
        other_order = start("one", nodes[::-1])
        assert {ask(other_order, f"Cookie: {cookie}\r\n").text for _ in range(6)} == {text}
        other = start("two")
        assert ask(other).get("Set-Cookie").split("=")[0] != cookie.split("=")[0]


def test_a_secret_that_cannot_be_read_is_told(bench):
    with pytest.raises(RuntimeError, match="weir.yaml:.*cannot read '.*/nowhere': No such file"):
        weir_with(bench, make_nodes(bench, 1), {"type": "transparent"}, session={"secret_file": "/nowhere"})


def test_a_full_table_forgets_who_was_away_longest(bench):
    weir = weir_with(bench, make_nodes(bench), {"type": "universal"}, request=KEY,
                     session={"universal_cache_size": 8})
    home = node_of(weir, "X-User: one\r\n")
    for number in range(40):
        node_of(weir, f"X-User: {number}\r\n")
    assert caches(weir) == {"universal": {"size": 8, "used": 8}}
    found = counts(weir)
    assert (found["begun"], found["displaced"]) == (41, 33)
    assert home in range(4)


def test_a_session_expires(bench):
    weir = weir_with(bench, make_nodes(bench), {"type": "universal"}, request=KEY,
                     session={"universal_cache_expiry": "2s"})
    node_of(weir, "X-User: one\r\n")
    assert caches(weir)["universal"]["used"] == 1
    weir.until_status(lambda now: now["session_caches"]["universal"]["used"], 0)
    node_of(weir, "X-User: one\r\n")
    assert counts(weir)["begun"] == 2


def test_a_trace_tells_why(bench):
    nodes = make_nodes(bench, 2)
    weir = weir_with(bench, nodes, {"failure_mode": "close"}, workers=1)
    trace = subprocess.Popen([PROGRAM, "trace", "-c", weir.path, "-n", "3"], stdout=subprocess.PIPE, text=True)
    weir.wait_log("follows transactions")
    home = node_of(weir)
    node_of(weir)
    change(weir, "disable", nodes[home])
    assert ask(weir).status == 503
    said = trace.communicate(timeout=20)[0]
    name = nodes[home].name
    assert f"{name}: a new session of persistence class 'shop', round_robin, 2 nodes" in said
    assert f"{name}: it has the session of persistence class 'shop', 2 nodes" in said
    assert "none: a lost session of persistence class 'shop': the node of the session is disabled" in said


def test_many_clients_at_once_agree(bench):
    """Requests of one session that come at the same moment to different workers."""
    nodes = make_nodes(bench)
    weir = weir_with(bench, nodes, {"type": "universal"}, request=KEY)
    for session in range(20):
        clients = [weir.client() for _ in range(12)]
        for client in clients:
            client.send(f"GET / HTTP/1.1\r\nHost: a\r\nX-User: many{session}\r\n\r\n")
        assert len({client.response().text for client in clients}) == 1
        for client in clients:
            client.close()

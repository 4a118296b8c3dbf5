# SPDX-License-Identifier: Apache-2.0
"""A response rule does not like the answer: request.retry, what it may choose, and where it ends."""
import socket
import struct
import time

from lab.wait import until

ON_503 = """
    if http.getResponseCode() == 503 then
        pool.select("spare")
        request.retry()
    end
"""


def busy(exchange):
    exchange.reply(503, b"busy")


def named(bench, text):
    return bench.node(lambda x: x.reply(200, text.encode()))


def test_a_503_is_answered_by_another_pool(bench):
    web, spare = bench.node(busy), named(bench, "spare")
    weir = bench.weir([web], pools={"spare": {"nodes": [spare.name]}}, response=ON_503,
                      request='http.setHeader("X-Once", (http.getHeader("X-Once") or "") .. "1")')
    client = bench.connect(weir)
    for i in range(5):
        response = client.get(f"/{i}")
        assert (response.status, response.text) == (200, "spare")
    assert [r.target for r in spare.requests] == [f"/{i}" for i in range(5)]
    assert {r.get("X-Once") for r in spare.requests} == {"1"}, "request rules ran once"
    # all of the answer that was dropped had come: its connection serves on
    assert len(web.connections) == len(spare.connections) == 1
    line = weir.wait_access(5)[0]
    assert (line["pool"], line["node"], line["status"], line["end"]) == ("spare", spare.name, 200, "ok")
    assert (line["retries"], line["retries_by_rule"]) == (1, 1)
    assert (line["rule"], line["verdict"]) == ("response:4", "request.retry")


def test_response_rules_judge_the_new_answer_too(bench):
    web = bench.node(lambda x: x.reply(200, b"%d" % len(web.requests), headers=f"X-N: {len(web.requests)}\r\n"))
    weir = bench.weir([web], response="""
        if http.getResponseHeader("X-N") ~= "3" then request.retry() end
        http.setResponseHeader("X-Retries", request.getRetries())
    """, completion="log.info('retries ' .. request.getRetries())")
    response = bench.connect(weir).get("/")
    assert (response.text, response.get("X-Retries")) == ("3", "2")
    weir.wait_log("retries 2")


def test_nothing_of_the_first_answer_is_left(bench):
    web = bench.node(lambda x: x.reply(503, b"busy", headers="X-Old: 1\r\nSet-Cookie: old=1\r\n"))
    spare = bench.node(lambda x: x.chunked(b"new", b"er"))
    weir = bench.weir([web], pools={"spare": {"nodes": [spare.name]}}, response=ON_503)
    response = bench.connect(weir).get("/")
    assert (response.status, response.text) == (200, "newer")
    assert response.get("X-Old") is None and response.get("Set-Cookie") is None


def test_an_answer_that_is_not_all_here_costs_its_connection(bench):
    def long(exchange):
        exchange.send("HTTP/1.1 503 Busy\r\nContent-Length: 1000000\r\n\r\n", b"x" * 1000)
    web, spare = bench.node(long), named(bench, "spare")
    client = bench.connect(bench.weir([web], pools={"spare": {"nodes": [spare.name]}}, response=ON_503))
    assert [client.get("/").text for _ in range(3)] == ["spare"] * 3
    assert len(web.connections) == 3 and len(spare.connections) == 1


def test_a_chunked_answer_that_is_all_here_does_not(bench):
    def chunks(exchange):
        exchange.send("HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    web, spare = bench.node(chunks), named(bench, "spare")
    client = bench.connect(bench.weir([web], pools={"spare": {"nodes": [spare.name]}}, response=ON_503))
    assert [client.get("/").text for _ in range(3)] == ["spare"] * 3
    assert len(web.connections) == 1


def test_the_chain_is_bounded(bench):
    web = bench.node(busy)
    weir = bench.weir([web], response="""
        local again = request.retry()
        http.setResponseHeader("X-End", tostring(again) .. " " .. request.getRetries())
    """, vserver={"rules": {"max_retries": 3}})
    client = bench.connect(weir)
    for i in range(1, 3):
        response = client.get("/")
        assert (response.status, response.get("X-End")) == (503, "false 3")
        assert len(web.requests) == 4 * i
    weir.wait_log("request.retry: no more than rules.max_retries")


def test_avoided_nodes_are_not_chosen_while_there_is_another(bench):
    nodes = [bench.node(busy), bench.node(busy), named(bench, "third")]
    weir = bench.weir(nodes, response="""
        if http.getResponseCode() == 503 then
            request.avoidNode(connection.getNode())
            request.retry()
        end
    """)
    client = bench.connect(weir)
    assert [client.get("/").text for _ in range(9)] == ["third"] * 9


def test_an_avoided_node_is_better_than_none(bench):
    one, other = named(bench, "one"), named(bench, "other")
    avoid = 'request.avoidNode("%s") ' % one.name
    client = bench.connect(bench.weir([one, other], request=avoid))
    assert [client.get("/").text for _ in range(4)] == ["other"] * 4
    client = bench.connect(bench.weir([one], request=avoid))
    assert client.get("/").text == "one"


def test_a_body_that_has_left_is_not_sent_again(bench):
    web, spare = bench.node(busy), named(bench, "spare")
    weir = bench.weir([web], pools={"spare": {"nodes": [spare.name]}}, response="""
        http.setResponseHeader("X-May", tostring(request.isResendable()))
        pool.select("spare")
        http.setResponseHeader("X-Did", tostring(request.retry()))
    """)
    client = bench.connect(weir)
    for _ in range(2):
        response = client.get("/", method="POST", body=b"x" * 10)
        assert (response.status, response.get("X-May"), response.get("X-Did")) == (503, "false", "false")
    assert not spare.requests
    line = weir.wait_access(1)[0]
    assert (line["pool"], line["node"]) == ("web", web.name), "the answer is still that of its pool"


def test_a_body_that_no_node_has_seen_is(bench):
    """The client waits for 100 before it sends its body, and the first node refuses without it."""
    def asks(exchange):
        exchange.send("HTTP/1.1 100 Continue\r\n\r\n")
        exchange.read_body()
        exchange.reply(200, exchange.request.body)
    web, spare = bench.node(busy, early=True), bench.node(asks, early=True)
    weir = bench.weir([web], pools={"spare": {"nodes": [spare.name]}}, response=ON_503)
    client = bench.connect(weir)
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
    assert client.response().status == 100
    client.send("body")
    response = client.response("POST")
    assert (response.status, response.text) == (200, "body")


def test_a_body_that_a_rule_asked_for_is_held_and_sent_again(bench):
    web, spare = bench.node(busy), bench.node(lambda x: x.reply(200, x.request.body))
    weir = bench.weir([web], pools={"spare": {"nodes": [spare.name]}}, response=ON_503, request="http.getBody()")
    client = bench.connect(weir)
    for i in range(3):
        body = b"%d" % i * 30000
        response = client.get("/", method="POST", body=body)
        assert (response.status, response.body) == (200, body)
    client.send("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n", "3\r\nabc\r\n", "0\r\n\r\n")
    assert client.response("POST").text == "abc"


def test_a_rule_may_judge_the_body_of_an_answer(bench):
    web = bench.node(lambda x: x.chunked(b"so", b"rry" if len(web.requests) < 3 else b"und"))
    weir = bench.weir([web], response='if http.getResponseBody() == "sorry" then request.retry() end')
    client = bench.connect(weir)
    assert [client.get("/").text for _ in range(2)] == ["sound"] * 2
    # one that was just given back is not taken in the same turn: the kernel is asked first whether it is quiet
    assert len(web.connections) <= 2 and len(web.requests) == 4


def test_an_answer_that_a_rule_replaced_can_be_dropped_too(bench):
    def long(exchange):
        exchange.send("HTTP/1.1 503 Busy\r\nContent-Length: 1000000\r\n\r\n", b"x" * 1000)
    web, spare = bench.node(long), named(bench, "spare")
    client = bench.connect(bench.weir([web], pools={"spare": {"nodes": [spare.name]}}, response="""
        if http.getResponseCode() == 503 then
            http.setResponseBody("mine")
            pool.select("spare")
            request.retry()
        end"""))
    assert [client.get("/").text for _ in range(2)] == ["spare"] * 2


def test_discard_can_be_what_is_retried(bench):
    web = bench.node(busy)
    client = bench.connect(bench.weir([web], response='pool.select("discard") request.retry()'))
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n")
    assert client.ending() in ("end", "reset")


def test_the_same_address_again(bench):
    """pool.select with host and port: the forced address has not been tried by this retry."""
    web, there = bench.node(busy), named(bench, "there")
    client = bench.connect(bench.weir([web], response=f"""
        if http.getResponseCode() == 503 then
            pool.select("web", "{there.host}", {there.port})
            request.retry()
        end"""))
    assert [client.get("/").text for _ in range(3)] == ["there"] * 3


def test_without_select_the_choice_is_fresh(bench):
    """Nodes that failed before the first answer may be asked again."""
    once = []

    def fickle(exchange):
        once.append(1)
        if len(once) == 1:
            exchange.close()
        else:
            exchange.reply(200, b"better")
    web = bench.node(fickle)
    other = bench.node(busy)
    weir = bench.weir([web, other], response="if http.getResponseCode() == 503 then request.retry() end")
    client = bench.connect(weir)
    assert [client.get("/").text for _ in range(4)] == ["better"] * 4


def test_attempts_are_the_rules_to_bound(bench):
    def close(exchange):
        exchange.close()
    nodes = [bench.node(close) for _ in range(3)]
    weir = bench.weir(nodes, request="request.setMaxConnectionAttempts(2)")
    assert bench.connect(weir).get("/").status == 502
    assert sum(len(node.requests) for node in nodes) == 2


def test_timed_out_attempts_and_the_reply_time(bench):
    nodes = [bench.node(lambda x: time.sleep(5)) for _ in range(3)]
    weir = bench.weir(nodes, pool={"timeouts": {"reply": "60s"}},
                      request="request.setMaxReplyTime(0.3) request.setMaxTimedOutConnectionAttempts(3)")
    assert bench.connect(weir).get("/").status == 504
    assert sum(len(node.requests) for node in nodes) == 3


def test_a_rule_bounds_the_transaction(bench):
    node = bench.node(lambda x: time.sleep(5))
    weir = bench.weir([node], vserver={"timeouts": {"transaction": "60s"}}, request="""
        assert(request.getMaxTransactionDuration() == 60)
        request.setMaxTransactionDuration(0.3)
        assert(request.getMaxTransactionDuration() == 0.3)
    """)
    assert bench.connect(weir).get("/").status == 504
    assert weir.wait_access(1)[0]["end"] == "transaction_timeout"


def test_a_rule_ends_the_clients_connection(bench):
    def trickle(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        time.sleep(5)
    node = bench.node(trickle)
    weir = bench.weir([node], request="request.setVirtualServerTimeout(0.5)")
    client = bench.connect(weir)
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n")
    assert client.head().status == 200
    assert client.ending() == "reset"
    assert weir.wait_access(1)[0]["end"] == "client_timeout"


def test_also_between_its_requests(bench):
    weir = bench.weir([bench.node()], vserver={"timeouts": {"keepalive": "60s"}},
                      request="request.setVirtualServerTimeout(0.5)")
    client = bench.connect(weir)
    assert client.get("/").status == 200
    assert client.ending() == "end"


def test_a_line_that_nobody_wants(bench):
    weir = bench.weir([bench.node()], request="""
        assert(requestlog.markedForInclusion() == true)
        if http.getPath() ~= "/seen" then requestlog.exclude() end
        if http.getPath() == "/again" then requestlog.include() end
        assert(requestlog.markedForInclusion() == (http.getPath() ~= "/hidden"))
    """)
    client = bench.connect(weir)
    for path in ("/hidden", "/seen", "/again"):
        assert client.get(path).status == 200
    assert [line["uri"] for line in weir.wait_access(2)] == ["/seen", "/again"]


def test_an_event_is_a_line(bench):
    weir = bench.weir([bench.node()], request='event.emit("login failed", "user \\nx")')
    assert bench.connect(weir).get("/").status == 200
    weir.wait_log("event 'login failed': user ")


class Sniffer:
    """What passes the loopback: (source port, destination port) to the DSCPs that were seen."""

    def __init__(self):
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
        self.sock.bind(("lo", 0))
        self.sock.settimeout(0.1)
        self.seen = {}

    def look(self):
        try:
            while True:
                packet = self.sock.recv(65536)
                head = (packet[0] & 15) * 4
                ports = struct.unpack(">HH", packet[head:head + 4])
                if len(packet) > head + (packet[head + 12] >> 4) * 4:  # it carries data
                    self.seen.setdefault(ports[0], set()).add((packet[1] >> 2, "from"))
                    self.seen.setdefault(ports[1], set()).add((packet[1] >> 2, "to"))
        except TimeoutError:
            pass
        return self.seen

    def close(self):
        self.sock.close()


def test_packets_are_marked_and_connections_do_not_keep_the_mark(bench):
    node = bench.node()
    weir = bench.weir([node], request="""
        if http.getPath() == "/marked" then
            request.setDSCP(46)
            assert(response.setDSCP(10) and response.getDSCP() == 10)
        else
            response.setDSCP(0)
        end
    """, response='log.info("towards the node: " .. request.getDSCP())')
    sniffer = bench.keep(Sniffer())
    client = bench.connect(weir)
    assert client.get("/marked").status == 200
    assert until(lambda: (46, "to") in sniffer.look().get(node.port, ()), "the node's mark")
    assert (10, "from") in sniffer.look()[weir.address()[1]]
    weir.wait_log("towards the node: 46")
    sniffer.seen.clear()
    assert client.get("/plain").status == 200
    assert until(lambda: (0, "to") in sniffer.look().get(node.port, ()), "no mark any more")
    assert len(node.connections) == 1
    assert not {(46, "to"), (10, "from")} & sniffer.look()[node.port]
    assert (10, "from") not in sniffer.seen[weir.address()[1]]


def test_a_response_rule_marks_what_is_still_to_come(bench):
    node = bench.node(lambda x: x.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"))
    weir = bench.weir([node], response="request.setDSCP(46)")
    sniffer = bench.keep(Sniffer())
    client = bench.connect(weir)
    client.send("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
    assert client.response().status == 101
    client.send("hello")
    assert until(lambda: (46, "to") in sniffer.look().get(node.port, ()), "the node's mark")


def test_checks_know_what_http_has_not(bench):
    weir = bench.weir([bench.node()], response="""
        local f = response
        http.setResponseHeader("X-Error", select(2, pcall(f["get" .. "Line"])))
    """)
    assert "response.getLine: for TCP and UDP; on HTTP write http.getResponseBodyLines()" in \
        bench.connect(weir).get("/").get("X-Error")

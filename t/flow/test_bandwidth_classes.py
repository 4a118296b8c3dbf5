# SPDX-License-Identifier: Apache-2.0
"""How fast weir writes is bounded by a bandwidth class: per connection, or for the whole machine."""
import os
import threading
import time

import pytest

CLASSES = {"slow": {"maximum": "200k", "sharing": "connection"}, "all": {"maximum": "200k"},
           "wide": {"maximum": "100m"}}
BODY = b"x" * 300_000  # 1.5 seconds at 200k


def timed(call):
    began = time.monotonic()
    call()
    return time.monotonic() - began


def cpu_of(weir):
    """Seconds of processor time of all of weir's processes."""
    ticks = 0
    for pid in weir.children:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            ticks += sum(map(int, stat.read().rsplit(")", 1)[1].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("how", ["by_length", "chunked", "vserver", "held"])
def test_an_answer_takes_its_time_and_no_processor(bench, how):
    answer = (lambda x: x.chunked(BODY)) if how == "chunked" else (lambda x: x.reply(200, BODY))
    rule = 'response.setBandwidthClass("slow")'
    weir = bench.weir([bench.node(answer)], bandwidth_classes=CLASSES,
                      response={"vserver": None, "held": rule + " http.getResponseBody()"}.get(how, rule),
                      vserver={"bandwidth_class": "slow"} if how == "vserver" else {})
    client = bench.connect(weir)
    before = cpu_of(weir)
    got = []
    assert timed(lambda: got.append(client.get("/"))) > 1.1
    assert got[0].body == BODY
    assert cpu_of(weir) - before < 0.5
    assert client.get("/").body == BODY, "and the connection goes on"


def test_an_upload_takes_its_time(bench):
    node = bench.node()
    weir = bench.weir([node], bandwidth_classes=CLASSES, pool={"bandwidth_class": "slow"})
    client = bench.connect(weir)
    assert timed(lambda: client.get("/", method="POST", body=BODY)) > 1.1
    assert node.requests[0].body == BODY


def test_without_a_class_or_with_a_wide_one_it_does_not(bench):
    weir = bench.weir([bench.node(lambda x: x.reply(200, BODY))], bandwidth_classes=CLASSES,
                      vserver={"bandwidth_class": "all"}, response="""
        response.setBandwidthClass(http.getPath() == "/wide" and "wide" or "")
    """)
    client = bench.connect(weir)
    assert timed(lambda: [client.get("/wide") for _ in range(10)]) < 7  # 15 seconds at 200k
    assert timed(lambda: [client.get("/none") for _ in range(10)]) < 7


def test_small_answers_of_one_connection_share_it(bench):
    weir = bench.weir([bench.node(lambda x: x.reply(200, b"x" * 10_000))], bandwidth_classes=CLASSES,
                      vserver={"bandwidth_class": "slow"})
    client = bench.connect(weir)
    assert timed(lambda: [client.get("/") for _ in range(30)]) > 1.1


def test_the_machine_shares_it(bench):
    weir = bench.weir([bench.node(lambda x: x.reply(200, BODY[:100_000]))], bandwidth_classes=CLASSES,
                      vserver={"bandwidth_class": "all"}, workers=2)
    clients = [bench.connect(weir) for _ in range(4)]

    def all_of_them():
        threads = [threading.Thread(target=client.get) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert timed(all_of_them) > 1.4  # 400,000 bytes at 200k a second


def test_a_long_answer_is_spliced_at_its_rate(bench):
    body = b"".join(b"%07d\n" % i for i in range(125_000))  # all of it is kept to be compared
    weir = bench.weir([bench.node(lambda x: x.reply(200, body))],
                      bandwidth_classes={"fast": {"maximum": "700k"}}, vserver={"bandwidth_class": "fast"})
    client = bench.connect(weir)
    got = []
    assert timed(lambda: got.append(client.get("/"))) > 1.1
    assert got[0].body == body


STREAMS = {
    "written": """
        http.stream.startResponse(200)
        for i = 1, 30 do http.stream.writeResponse(string.rep("x", 10000)) end
        http.stream.finishResponse()""",
    "rewritten": """
        http.stream.startResponse(200)
        for data in function() return http.stream.readResponse(10000) end do
            if data == "" then break end
            http.stream.writeResponse(data)
        end
        http.stream.finishResponse()""",
    "continued": """
        http.stream.startResponse(200)
        http.stream.continueFromBackend(http.stream.readResponse(10))""",
}


@pytest.mark.parametrize("how", STREAMS)
def test_what_rules_stream_takes_its_time_and_no_processor(bench, how):
    weir = bench.weir([bench.node(lambda x: x.reply(200, BODY))], bandwidth_classes=CLASSES, response=STREAMS[how],
                      vserver={"bandwidth_class": "slow"})
    client, got = bench.connect(weir), []
    before = cpu_of(weir)
    assert timed(lambda: got.append(client.get("/"))) > 1.1
    assert got[0].body == BODY
    assert cpu_of(weir) - before < 0.5
    assert client.get("/").body == BODY, "and the connection goes on"

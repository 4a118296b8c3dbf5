# SPDX-License-Identifier: Apache-2.0
"""request.*, response.*, connection.*, pool.*, data.*, slm.* and the rest, function by function."""
import os
import re
import socket

import pytest

from lab.caller import Caller, Failed, Name
from lab.wait import until


@pytest.fixture
def call(bench):
    return Caller(bench)


def test_addresses_of_both_sides(call):
    host, port = call.weir.address()
    assert call.all([("request.getRemoteIP",), ("request.getRemotePort",), ("request.getLocalIP",), ("request.getLocalPort",),
                     ("request.getDestIP",), ("request.getDestPort",)]) == [
        ["127.0.0.1"], [call.client.address[1]], [host], [port], [host], [port]]
    names = ("response.getRemoteIP", "response.getRemotePort", "response.getLocalIP", "response.getLocalPort",
             "connection.getNode")
    assert [found for found in call.all([(name,) for name in names])] == [[None]] * 5
    for phase in ("response", "completion"):
        found = [one[0] for one in call.all([(name,) for name in names], phase=phase)]
        ours = list(call.node.connections[-1].peer)
        assert found == ["127.0.0.1", call.node.port, *ours, call.node.name]


def test_another_client_address(call):
    for ip in ("203.0.113.7", "fd00::7"):
        assert call.all([("request.setRemoteIP", ip), ("request.getRemoteIP",), ("request.getRemotePort",)]) == [
            [True], [ip], [call.client.address[1]]]
    before = len(call.weir.lines)
    assert call.all([("request.setRemoteIP", "nobody"), ("request.getRemoteIP",)]) == [[False], ["127.0.0.1"]]
    call.weir.wait_log("request.setRemoteIP: 'nobody' is no IP address", after=before)


def test_bytes_that_have_come(bench):
    call = Caller(bench, lambda x: x.reply(200, b"x" * 1000))
    length = call("request.getLength", headers="X-A: b\r\n")[0]
    head = len("GET / HTTP/1.1\r\nHost: test\r\n\r\n") + len("X-A: b\r\n")
    assert length == head + len('X-Call-REQUEST: [{"f": "request.getLength", "a": []}]\r\n')
    assert call("response.getLength") == [0]
    found = call("response.getLength", phase="completion")[0]
    assert found == len("HTTP/1.1 200 Said So\r\nContent-Length: 1000\r\n\r\n") + 1000
    assert call("request.getLength", phase="response", method="POST", body=b"y" * 500)[0] > 500


def test_names_of_what_was_chosen(bench):
    other = bench.node()
    call = Caller(bench, pools={"other": {"nodes": [other.name]}})
    assert call.all([("connection.getPool",), ("connection.getVirtualServer",), ("rule.getName",), ("rule.getState",)]) == [
        [None], ["main"], ["call"], ["REQUEST"]]
    for phase in ("response", "completion"):
        assert call.all([("connection.getPool",), ("rule.getState",)], phase=phase) == [["web"], [phase.upper()]]
    for name in ("pool.use", "pool.select"):
        with pytest.raises(Failed, match=rf"{name}: argument 1 \(name\): there is no pool 'no'"):
            call(name, "no")
    call.node = other  # who gets the answers now
    assert call.all([("pool.select", "other"), ("connection.getPool",)]) == [[], ["other"]]
    assert len(other.requests) == 1


NODES = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "[fd00::4]:80"]


def test_nodes_of_a_pool(bench):
    """One in each state: the failed one has refused a connection."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        dead = f"127.0.0.1:{taken.getsockname()[1]}"  # bound, and nobody listens
        states = {"active": "[fd00::4]:80", "draining": "10.0.0.2:80", "disabled": "10.0.0.3:80", "failed": dead}
        nodes = [{"address": node, "state": "active" if state == "failed" else state} for state, node in states.items()]
        call = Caller(bench, pools={"other": {"nodes": nodes}}, rules={
            "fail": 'if http.getPath() == "/fail" then pool.use("other", "127.0.0.1", %s) end' % dead.split(":")[1]},
            vserver={"request_rules": ["call", "fail"]})
        for _ in range(10):
            assert call.client.get("/fail").status in (502, 503)

        def counts():
            return [one[0] for one in call.all([("pool.activenodes", "other"), ("pool.drainingnodes", "other"),
                                                ("pool.disablednodes", "other"), ("pool.failednodes", "other")])]
        until(lambda: counts() == [1, 1, 1, 1], "one in each state")
        assert call.all([("pool.listallnodes", "other"), ("pool.listactivenodes", "other"), ("pool.listdrainingnodes", "other"),
                         ("pool.listdisablednodes", "other"), ("pool.listfailednodes", "other")]) == [
            [list(states.values())], [[states["active"]]], [[states["draining"]]], [[states["disabled"]]], [[dead]]]
        words = {"active": "ACTIVE", "draining": "DRAINING", "disabled": "DISABLED", "failed": "DEAD"}
        for state, node in states.items():
            host, port = node.rsplit(":", 1)
            assert call("pool.checknode", "other", host.strip("[]"), int(port)) == [words[state]]
    assert call.all([("pool.checknode", "other", "10.0.0.9", 80), ("pool.checknode", "other", "10.0.0.2", 81),
                     ("pool.checknode", "other", "host", 80), ("pool.checknode", "no", "host", 80)]) == [
        ["NOTINPOOL"], ["NOTINPOOL"], ["NOSUCHHOST"], ["NOSUCHPOOL"]]
    for name in ("pool.activenodes", "pool.drainingnodes", "pool.disablednodes", "pool.failednodes", "pool.listallnodes",
                 "pool.listactivenodes", "pool.listdrainingnodes", "pool.listdisablednodes", "pool.listfailednodes"):
        with pytest.raises(Failed, match=rf"{name}: argument 1 \(pool\): there is no pool 'no'"):
            call(name, "no")


def test_values_of_a_connection(call):
    value = {"list": [1, 2, {"deep": True}], "n": 1.5}
    assert call("connection.data.set", "k", value) == [True]
    for phase in ("request", "response", "completion"):
        assert call("connection.data.get", "k", phase=phase) == [value]
    assert call.all([("connection.data.set", "k", None), ("connection.data.get", "k")]) == [[True], [None]]
    with call.weir.client() as other:
        assert call("connection.data.get", "k", client=other) == [None]
    before, after = call.all([("connection.getMemoryUsage",), ("http.setHeader", "X-A", "x" * 2000),
                              ("connection.getMemoryUsage",)])[::2]
    assert after[0] >= before[0] + 2000
    assert call("connection.checkLimits") == call("connection.checkLimits", "web") == [True]


STORES = {
    "data": "data.get data.set data.add data.increment data.compareAndSet data.list data.remove data.reset "
            "data.getMemoryUsage data.getMemoryFree",
    "data.local_": "data.local_.get data.local_.set data.local_.add data.local_.increment data.local_.compareAndSet "
                   "data.local_.list data.local_.remove data.local_.reset data.local_.getMemoryUsage "
                   "data.local_.getMemoryFree",
}


@pytest.mark.parametrize("store", STORES)
def test_values_that_outlive_a_connection(bench, store):
    call, called = Caller(bench, data={"size": "64k", "local_size": "64k"}), set()

    def do(*calls):
        called.update(f"{store}.{name}" for name, *_ in calls)
        return [found if isinstance(found, Failed) else found[0] if found else None
                for found in call.all([(f"{store}.{name}", *arguments) for name, *arguments in calls])]
    values = ["", "text\0", 0, -1.5, True, False, {"a": [1, {"b": False}], "c": "d"}, [1, "two"]]
    for value in values:
        assert do(("set", "k", value), ("get", "k")) == [True, value]
    assert do(("get", "none"), ("add", "k", 1), ("add", "new", 1), ("get", "new"), ("remove", "new"), ("remove", "new")) == [
        None, False, True, 1, True, False]
    assert do(("increment", "n"), ("increment", "n", 2.5), ("increment", "n", -4)) == [1, 3.5, -0.5]
    assert call.all([(f"{store}.increment", "k")])[0] == [None, "the value is not a number"]
    assert do(("compareAndSet", "k", [1, "two"], {"x": 1}), ("compareAndSet", "k", {"x": 2}, 0), ("get", "k"),
              ("compareAndSet", "k", None, 0), ("compareAndSet", "fresh", None, "f"), ("get", "fresh")) == [
        True, False, {"x": 1}, False, True, "f"]
    do(*[("set", f"user/{i}", i) for i in range(5)])
    listed, two, every = do(("list", "user/"), ("list", "user/", 2), ("list",))
    assert sorted(listed) == [f"user/{i}" for i in range(5)] and len(two) == 2 and set(listed) < set(every)
    used, left = do(("getMemoryUsage",), ("getMemoryFree",))
    assert used > 0 and used + left == 65536
    do(("reset", "user/"))
    assert do(("list", "user/"), ("get", "fresh")) == [{}, "f"]
    do(("reset",))
    assert do(("list",), ("getMemoryUsage",), ("getMemoryFree",)) == [{}, 0, 65536]
    assert do(("set", "short", 1, 0.05), ("add", "short too", 1, 0.05), ("increment", "n", 1, 0.05)) == [True, True, 1]
    until(lambda: do(("get", "short"), ("get", "short too"), ("get", "n")) == [None] * 3, "all are gone")
    before = len(call.weir.lines)
    assert do(("set", "big", "x" * 5000)) == [True]
    filled = do(*[("set", f"fill{i}", "x" * 400) for i in range(200)])
    assert filled[0] is True and filled[-1] is False and do(("get", "big")) == ["x" * 5000]
    call.weir.wait_log("there is no room for the value of 'fill", after=before)
    for name, arguments in [("get", ("k" * 1025,)), ("set", ("k" * 1025, 1)), ("remove", ("k" * 1025,))]:
        with pytest.raises(Failed, match=r"argument 1 \(key\): expected at most 1024 bytes, got 1025"):
            call(f"{store}.{name}", *arguments)
    for ttl in (0, -1, 1e10):
        with pytest.raises(Failed, match=r"argument 3 \(ttl\): expected seconds, more than 0"):
            call(f"{store}.set", "k", 1, ttl)
    for value in (Name("string.trim"), {"a": Name("string.trim")}, {1: {2: Name("string.trim")}}):
        with pytest.raises(Failed, match=rf"{store}.set: argument 2 \(value\): expected"):
            call(f"{store}.set", "k", value)
    with pytest.raises(Failed, match=r"argument 2 \(limit\): expected a number from 1"):
        call(f"{store}.list", "", 0)
    assert called == set(STORES[store].split())


def test_classes(bench):
    call = Caller(bench, slm_classes={"api": {"response_time": "1s", "serious_threshold": 40}, "other": {}},
                  rate_classes={"calls": {"max_rate_per_minute": 2}}, bandwidth_classes={"gold": {"maximum": "10m"}},
                  vserver={"bandwidth_class": "gold"})
    assert call.all([("connection.getServiceLevelClass",), ("slm.threshold",), ("slm.conforming",), ("slm.isOK",),
                     ("slm.threshold", "api"), ("slm.conforming", "api"), ("slm.isOK", "api")]) == [
        [None], [0], [100], [True], [40], [100], [True]]
    assert call.all([("connection.setServiceLevelClass", "api"), ("connection.getServiceLevelClass",),
                     ("slm.threshold",)]) == [[True], ["api"], [40]]
    assert call.all([("response.getBandwidthClass",), ("request.getBandwidthClass",), ("request.setBandwidthClass", "gold"),
                     ("request.getBandwidthClass",), ("response.setBandwidthClass", ""), ("response.getBandwidthClass",)]) == [
        ["gold"], [None], [True], ["gold"], [True], [None]]
    assert call.all([("rate.use.noQueue", "calls", "a"), ("rate.use.noQueue", "calls", "a"), ("rate.use.noQueue", "calls", "a"),
                     ("rate.use", "calls", "b"), ("rate.getbacklog", "calls", "a")]) == [[True], [True], [False], [True], [0]]
    for name, results in [("slm.conforming", 2), ("slm.isOK", 2), ("slm.threshold", 2), ("rate.use", 2),
                          ("rate.use.noQueue", 2), ("rate.getbacklog", 2), ("connection.setServiceLevelClass", 1),
                          ("request.setBandwidthClass", 1), ("response.setBandwidthClass", 1)]:
        before = len(call.weir.lines)
        found = call(name, "unknown")
        assert len(found) == results and found[0] is (None if results == 2 else False), name
        call.weir.wait_log("there is no .* class 'unknown'", after=before)


def test_times(call):
    names = ("stats.getQueueTime", "stats.getServerResponseTime", "stats.getTransactionDuration")
    queue, server, whole = (one[0] for one in call.all([(name,) for name in names]))
    assert (queue, server) == (0, 0) and whole >= 0
    queue, server, whole = (one[0] for one in call.all([(name,) for name in names], phase="completion"))
    assert 0 <= queue <= whole and 0 <= server <= whole < 60000


def test_this_machine(call):
    name = socket.gethostname()
    assert call.all([("sys.hostname",), ("ssl.isSSL",)]) == [[name], [False]]
    domain = call("sys.domainname")
    assert domain == [name.split(".", 1)[1]] if "." in name else domain[0] != ""
    pid = call("sys.getpid")[0]
    assert pid in call.weir.children or os.path.exists(f"/proc/{pid}")


def test_orders_for_one_request(call):
    assert call.all([("request.isResendable",), ("request.getRetries",), ("request.getMaxTransactionDuration",),
                     ("request.setMaxTransactionDuration", 7.5), ("request.getMaxTransactionDuration",),
                     ("request.setIdempotent", True), ("request.setMaxConnectionAttempts", 2),
                     ("request.setMaxTimedOutConnectionAttempts", 2), ("request.setMaxReplyTime", 9),
                     ("request.setVirtualServerTimeout", 60), ("request.avoidNode", "10.9.9.9:80")]) == [
        [True], [0], [0], [], [7.5], [], [], [], [], [], [True]]
    assert call("request.getMaxTransactionDuration") == [0]  # it was for the one request
    assert call.all([("request.setDSCP", 46), ("request.getDSCP",), ("response.setDSCP", 10), ("response.getDSCP",)]) == [
        [], [46], [True], [10]]
    assert call.all([("requestlog.markedForInclusion",), ("requestlog.exclude",), ("requestlog.markedForInclusion",),
                     ("requestlog.include",), ("requestlog.markedForInclusion",)]) == [[True], [], [False], [], [True]]


def test_lines_in_the_log(call):
    for name, level in (("log.info", "info"), ("log.warn", "warn"), ("log.error", "error")):
        before = len(call.weir.lines)
        call(name, f"said by {name}\r\n\0\x1b")
        line = call.weir.wait_log(f"rule 'call' line [0-9]+: said by {name}", after=before)
        assert f'"{level}"' in line and "\\\\x00" in line and "\x1b" not in line
    before = len(call.weir.lines)
    assert call("event.emit", "an event", "it happened") == []
    call.weir.wait_log("event 'an event': it happened", after=before)
    for name in ("", "a/b", "a\n", "x" * 101):
        with pytest.raises(Failed, match=r"event.emit: argument 1 \(name\): expected a name"):
            call("event.emit", name, "m")


def test_counters_have_numbers(call):
    assert call.all([("counter.increment", 1), ("counter.increment", 10, 5), ("counter64.increment", 10, 2 ** 40)]) == [[]] * 3
    for name in ("counter.increment", "counter64.increment"):
        for number in (0, 11):
            with pytest.raises(Failed, match=rf"{name}: argument 1 \(counter\): expected a number from 1 to 10"):
                call(name, number)
        with pytest.raises(Failed, match=rf"{name}: argument 2 \(amount\): expected a number from 0"):
            call(name, 1, -1)


def test_distances(call):
    paris, york = (48.8566, 2.3522), (40.7128, -74.006)
    kilometres, miles = call("geo.getDistanceKM", *paris, *york)[0], call("geo.getDistanceMiles", *paris, *york)[0]
    assert abs(kilometres - 5837) < 10 and abs(kilometres / miles - 1.609344) < 1e-9
    assert call("geo.getDistanceKM", *paris, *paris) == [0]
    for arguments in ((91, 0, 0, 0), (0, -181, 0, 0)):
        with pytest.raises(Failed, match=r"geo.getDistanceKM: argument \d \(\w+\): expected degrees from -"):
            call("geo.getDistanceKM", *arguments)
    before = len(call.weir.lines)
    assert call("geo.getCountry", "192.0.2.1") == [None, "no database"]
    assert re.search(r"geo\.\* wants a database", call.weir.wait_log("geo: {database: FILE}", after=before))

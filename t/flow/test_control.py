# SPDX-License-Identifier: Apache-2.0
"""A running weir is asked and told over its control socket: status, stop, drain, enable, disable."""
import json
import os
import signal
import socket
import stat
import subprocess
import threading

import pytest

from lab.wait import until
from lab.weir import PROGRAM, in_user_namespace

STATUS = b"GET /api/v1/status HTTP/1.1\r\nHost: weir\r\n\r\n"


def weir(*words):
    return subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=30)


def tell(running, command, *words):
    """A command that must be obeyed; gives what it printed."""
    done = weir(command, "-c", running.path, *words)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def states(running, pool="web"):
    return [node["state"] for node in running.status()["pools"][pool]["nodes"]]


def rows(text):
    """The tables, each row as its words."""
    return [line.split() for line in text.splitlines()]


class Holding:
    """Answers at once, but for /held, which waits for `release`; says who answered."""

    def __init__(self):
        self.release = threading.Event()

    def __call__(self, exchange):
        if exchange.request.target == "/held":
            assert self.release.wait(20)
        exchange.reply(200, b"whole")


class Raw:
    """A connection to the control socket that says just what a test wants said."""

    def __init__(self, running):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(running.conf["control"])  # waits while the queue is full
        self.sock.settimeout(20)

    def send(self, data):
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before it was all said
        return self

    def answer(self):
        """All that comes until the end."""
        received = b""
        try:
            while piece := self.sock.recv(65536):
                received += piece
        except ConnectionResetError:
            pass
        self.sock.close()
        return received

    def close(self):
        self.sock.close()


def keeper_of(running):
    workers = {worker["pid"] for worker in running.status()["workers"]}
    return next(pid for pid in running.children if pid not in workers)


# ---- status ------------------------------------------------------------------------------------------


def test_status_says_what_goes_on(bench):
    hold = Holding()
    node = bench.node(hold)
    running = bench.weir([node], workers=2, pools={"empty": {"nodes": "original_destination"}})
    client, held = bench.connect(running), bench.connect(running)
    for _ in range(3):
        assert client.get("/").status == 200
    held.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
    node.wait_for(4)

    now = running.until_status(lambda now: now["virtual_servers"]["main"]["outcomes"]["ok"], 3)
    main, web = now["virtual_servers"]["main"], now["pools"]["web"]["nodes"]
    assert (main["sessions"], main["transactions"], main["transactions_total"]) == (2, 1, 4)
    assert main["outcomes"]["ok"] == 3 and sum(main["outcomes"].values()) == 3
    assert [(n["address"], n["state"], n["transactions"], n["transactions_total"]) for n in web] == [
        (node.name, "active", 1, 4)]
    assert now["pools"]["empty"]["nodes"] == []
    assert now["generation"] == 1
    assert len(now["workers"]) == 2 and {w["pid"] for w in now["workers"]} < set(running.children)
    assert sum(w["sessions"] for w in now["workers"]) == 2
    assert [w["restarts"] for w in now["workers"]] == [0, 0]

    text = running.status_text()
    assert ["main", running.conf["virtual_servers"]["main"]["listen"], "2", "1", "4", "ok", "3"] in rows(text)
    assert ["web", node.name, "active", str(web[0]["sessions"]), "1", "4", "0"] in rows(text)
    assert ["0", str(now["workers"][0]["pid"]), "0", str(now["workers"][0]["sessions"])] in rows(text)
    hold.release.set()
    assert held.response().status == 200
    running.until_status(lambda now: now["virtual_servers"]["main"]["outcomes"]["ok"], 4)


def test_a_failed_node_and_a_restarted_worker_are_seen(bench):
    running = bench.weir(["127.0.0.1:1"], pool={"node_connection_attempts": 1})
    running.deaths_expected = True
    assert bench.connect(running).get("/").status == 503
    assert states(running) == ["failed"]
    assert running.status()["pools"]["web"]["nodes"][0]["failures_total"] > 0
    before = running.status()["workers"][0]["pid"]
    os.kill(before, signal.SIGKILL)
    running.until_status(lambda now: now["workers"][0]["pid"] not in (0, before))
    assert running.status()["workers"][0]["restarts"] == 1


# ---- drain, enable, disable ---------------------------------------------------------------------------


def test_a_drained_node_finishes_what_it_has_and_gets_nothing_new(bench):
    hold = Holding()
    nodes = [bench.node(hold), bench.node(hold)]
    running = bench.weir(nodes, workers=2)
    held = [bench.connect(running) for _ in range(4)]
    for client in held:
        client.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
    until(lambda: sum(len(node.requests) for node in nodes) == 4, "all wait at the nodes")
    busy = len(nodes[0].requests)
    tell(running, "drain", nodes[0].name)
    assert states(running) == ["draining", "active"]
    others = [bench.connect(running) for _ in range(8)]  # both workers take part
    for client in others * 3:
        assert client.get("/").status == 200
    assert len(nodes[0].requests) == busy
    hold.release.set()
    assert [client.response().text for client in held] == ["whole"] * 4
    running.wait_log(rf"audit.*user {os.getuid()} .*{nodes[0].name}.*active -> draining")

    tell(running, "enable", nodes[0].name)
    assert states(running) == ["active", "active"]
    for client in others * 3:
        assert client.get("/").status == 200
    assert len(nodes[0].requests) > busy
    running.wait_log("audit.*draining -> active")


def test_states_are_set_per_pool_and_outlive_processes(bench):
    node = bench.node()
    running = bench.weir([node], pools={"other": {"nodes": [node.name]}})
    running.deaths_expected = True
    tell(running, "disable", "--pool", "web", node.name)
    assert (states(running), states(running, "other")) == (["disabled"], ["active"])
    for pid in running.children:
        os.kill(pid, signal.SIGKILL)
        until(lambda: pid not in running.children and len(running.children) == 2, "another child")
    assert (states(running), states(running, "other")) == (["disabled"], ["active"])
    assert bench.connect(running).get("/").status == 503
    said = tell(running, "enable", node.name)  # in every pool that has it
    assert "web" in said and "other" in said
    assert bench.connect(running).get("/").status == 200


def test_nothing_is_logged_or_changed_twice(bench):
    node = bench.node()
    running = bench.weir([node])
    for command in ("drain", "drain", "disable"):
        tell(running, command, node.name)
    running.wait_log("draining -> disabled")
    assert sum("audit" in line for line in running.lines) == 2


def test_ipv6_nodes_may_be_spelt_in_any_way(bench):
    running = bench.weir(["[fd00::1]:80"])
    tell(running, "drain", "[FD00:0::1]:80")
    assert states(running) == ["draining"]


def test_an_unknown_node_changes_nothing_and_names_what_there_is(bench):
    nodes = [bench.node(), bench.node()]
    running = bench.weir(nodes)
    for words in ([nodes[0].name, "127.0.0.1:9"], ["nonsense"], ["--pool", "nowhere", nodes[0].name],
                  ["--pool", "discard", nodes[0].name]):
        done = weir("drain", "-c", running.path, *words)
        assert done.returncode == 1, words
        assert "web" in done.stderr, done.stderr
    assert states(running) == ["active", "active"]
    done = weir("drain", "-c", running.path, "127.0.0.1:9")
    assert nodes[0].name in done.stderr and "'127.0.0.1:9'" in done.stderr


# ---- stop -----------------------------------------------------------------------------------------------


def test_stop_waits_until_weir_has_gone(bench):
    hold = Holding()
    node = bench.node(hold)
    running = bench.weir([node])
    busy = bench.connect(running)
    busy.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
    node.wait_for(1)
    stop = subprocess.Popen([PROGRAM, "stop", "--control", running.conf["control"]],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    running.wait_log("stopping: told to over the control socket")
    now = running.status()  # one can look on
    assert (now["state"], now["virtual_servers"]["main"]["transactions"]) == ("stopping", 1)
    assert "stopping" in running.status_text()
    assert stop.poll() is None
    hold.release.set()
    assert busy.response().get("Connection") == "close"
    assert (stop.communicate(timeout=20)[0], stop.returncode) == (b"", 0)
    assert running.process.wait(1) == 0  # gone before the command was
    assert not os.path.exists(running.conf["control"])
    running.wait_log(f"audit.*user {os.getuid()} .*running -> stopping")
    done = weir("stop", "--control", running.conf["control"])
    assert done.returncode == 1 and running.conf["control"] in done.stderr and "--control" in done.stderr


def test_who_waits_to_be_accepted_is_served_before_the_end(bench):
    node = bench.node()
    running = bench.weir([node])
    worker = running.status()["workers"][0]["pid"]
    os.kill(worker, signal.SIGSTOP)
    try:
        until(lambda: in_proc(worker, "State") == "T", "the worker stands still")
        clients = [bench.connect(running) for _ in range(40)]
        for client in clients:
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        running.process.send_signal(signal.SIGTERM)
        until(lambda: int(in_proc(worker, "ShdPnd"), 16) >> (signal.SIGTERM - 1) & 1, "the worker is told to stop")
    finally:
        os.kill(worker, signal.SIGCONT)
    assert [client.response().status for client in clients] == [200] * 40
    assert running.process.wait(20) == 0


def in_proc(pid, key):
    with open(f"/proc/{pid}/status") as file:
        return next(line.split()[1] for line in file if line.startswith(key + ":"))


# ---- the socket -----------------------------------------------------------------------------------------


def test_the_socket_is_for_its_owner_only(bench):
    running = bench.weir([bench.node()])
    assert stat.S_IMODE(os.stat(running.conf["control"]).st_mode) == 0o600


def test_two_weirs_are_told_apart(bench):
    first, second = bench.weir([bench.node()]), bench.weir([bench.node()])
    tell(first, "disable", first.conf["pools"]["web"]["nodes"][0])
    assert (states(first), states(second)) == (["disabled"], ["active"])
    with pytest.raises(RuntimeError) as refused:
        bench.weir([bench.node()], control=first.conf["control"])
    assert f"process {first.pid} " in str(refused.value)
    assert "weir.yaml:1:10: " in str(refused.value)
    assert states(first) == ["disabled"]  # and has lost nothing by it
    tell(first, "stop")
    assert states(second) == ["active"]


def test_a_dead_weirs_socket_is_replaced(bench):
    running = bench.weir([bench.node()])
    path = running.conf["control"]
    running.process.kill()
    running.process.wait()
    assert os.path.exists(path)
    again = bench.weir([bench.node()], control=path)
    assert states(again) == ["active"]
    running.process.returncode = 0


def test_a_missing_directory_is_made(bench, tmp_path):
    running = bench.weir([bench.node()], control=str(tmp_path / "new" / "sock"))
    assert states(running) == ["active"]


def test_a_path_that_was_asked_for_must_work(bench, tmp_path):
    (tmp_path / "file").write_text("precious")
    for path, why in ((tmp_path / "file", "no socket"), (tmp_path / "file" / "sock", "Not a directory"),
                      (tmp_path / "a" / "b" / "sock", "No such file"), (tmp_path / ("x" * 108), "107 bytes")):
        with pytest.raises(RuntimeError) as refused:
            bench.weir([bench.node()], control=str(path))
        assert why in str(refused.value) and "weir.yaml:1:10: " in str(refused.value), refused.value
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.skipif(in_user_namespace(), reason="there is nobody else to be here")
def test_without_root_the_default_path_is_given_up(bench, tmp_path):
    nobody = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
    running = bench.weir([bench.node()], control=None, wrapper=nobody)
    assert bench.connect(running).get("/").status == 200
    assert sum("/run/weir/control.sock" in line for line in running.lines) == 1
    with pytest.raises(RuntimeError) as refused:
        bench.weir([bench.node()], control=str(tmp_path / "sock"), wrapper=nobody)
    assert "Permission denied" in str(refused.value) and "weir.yaml:1:10: " in str(refused.value)


# ---- the keeper -----------------------------------------------------------------------------------------


def test_hostile_callers_do_not_keep_others_out(bench):
    running = bench.weir([bench.node()])
    slow = [bench.keep(Raw(running)) for _ in range(100)]
    for caller in slow:
        caller.send(b"GET /api/v1/sta")
    assert running.status()["state"] == "running"
    for said, heard in (
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 9 + b"\r\n\r\n", b" 400 "),
            (b"GET /api/v1/" + b"x" * 100000 + b" HTTP/1.1\r\n\r\n", b" 414 "),
            (b"GET /api/v1/status HTTP/1.1\r\nHost: a\r\nA: " + b"x" * 100000, b" 431 "),
            (b"PATCH /api/v1/pools/web/nodes/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n", b" 413 "),
            (b"PATCH /api/v1/pools/web/nodes/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
             b" 411 "),
            (b"GET /../api/v1/status HTTP/1.1\r\nHost: a\r\n\r\n", b" 400 "),
            (b"GET /api/v1/pools/..%2fstatus HTTP/1.1\r\nHost: a\r\n\r\n", b" 400 "),
            (b"DELETE /api/v1/status HTTP/1.1\r\nHost: a\r\n\r\n", b" 405 "),
            (b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", b" 505 "),
    ):
        answer = bench.keep(Raw(running)).send(said).answer()
        assert heard in answer.split(b"\r\n")[0], (said[:60], answer)
    one_by_one = bench.keep(Raw(running))
    for byte in STATUS:
        one_by_one.send(bytes([byte]))
    assert b" 200 OK" in one_by_one.answer()
    assert running.status()["state"] == "running"
    assert set(running.children) == running.first_children


def test_bodies_that_are_not_understood_change_nothing(bench):
    node = bench.node()
    running = bench.weir([node])
    for body in (b"", b"{", b"[]", b'{"state": 1}', b'{"state": "gone"}', b'{"state": "draining", "x": 1}',
                 b'{"state": "draining", "state": "active"}', b'{"state": "draining"} x', b"[" * 4000,
                 b'{"state": "\xff"}'):
        head = (f"PATCH /api/v1/pools/web/nodes/{node.name} HTTP/1.1\r\nHost: a\r\n"
                f"Content-Length: {len(body)}\r\n\r\n").encode()
        answer = bench.keep(Raw(running)).send(head).send(body).answer()
        assert b" 400 " in answer.split(b"\r\n")[0], (body, answer)
        assert json.loads(answer.split(b"\r\n\r\n", 1)[1])["error"]
    assert states(running) == ["active"]


def test_a_killed_keeper_is_replaced_and_commands_wait_for_it(bench):
    running = bench.weir([bench.node()])
    running.deaths_expected = True
    for _ in range(3):
        keeper = keeper_of(running)
        os.kill(keeper, signal.SIGKILL)
        assert running.status()["state"] == "running"
        assert keeper_of(running) != keeper


# ---- words ----------------------------------------------------------------------------------------------


def test_words_that_are_not_understood_are_wrong_usage(tmp_path):
    for words in (["status", "x"], ["status", "--pool", "web"], ["status", "-c"], ["stop", "--json"],
                  ["status", "-c", "a", "--control", "b"], ["status", "-c", "a", "-c", "b"],
                  ["drain"], ["drain", "--pool"], ["enable", "--json", "127.0.0.1:80"], ["reload", "x"]):
        done = weir(*words)
        assert done.returncode == 2 and done.stderr, words


def test_a_file_with_errors_is_said_to_have_them(tmp_path):
    (tmp_path / "weir.yaml").write_text("control: [\n")
    done = weir("status", "-c", str(tmp_path / "weir.yaml"))
    assert done.returncode == 1 and "weir.yaml:" in done.stderr and "--control" in done.stderr

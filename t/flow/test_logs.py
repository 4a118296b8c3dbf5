# SPDX-License-Identifier: Apache-2.0
"""What is logged of a transaction, of a mistake, and of a thousand equal mistakes."""
import json
import re


def test_an_access_line_says_it_all(bench):
    node = bench.node(lambda x: x.reply(200, b"12345"))
    weir = bench.weir([node], request='\npool.use("web")')
    client = bench.connect(weir)
    client.get("/a?b=c", method="POST", body=b"123")
    line = weir.wait_access(1)[0]
    host, port = client.address
    assert line["virtual_server"] == "main"
    assert line["client"] == f"{host}:{port}"
    assert line["dest"] == line["local"] == "{}:{}".format(*weir.address())
    assert (line["method"], line["uri"], int(line["status"])) == ("POST", "/a?b=c", 200)
    assert (line["pool"], line["node"]) == ("web", node.name)
    assert line["source"].startswith("127.0.0.1:")
    assert (line["end"], line["rule"]) == ("ok", "request:2")
    assert int(line["bytes_in"]) > 3 and int(line["bytes_out"]) > 5
    assert int(line["duration_us"]) > 0
    assert "time" in line


def test_text_is_one_line_of_the_same_keys(bench):
    weir = bench.weir([bench.node()], text_log=True)
    bench.connect(weir).get("/a")
    line = weir.wait_log("uri=/a")
    for key in ("virtual_server", "client", "dest", "local", "method", "uri", "status", "pool", "node", "source",
                "bytes_in", "bytes_out", "duration_us", "end"):
        assert re.search(rf"\b{key}=", line), key


def test_nothing_of_a_client_breaks_a_line(bench):
    """A quote, a backslash, a control or a high byte stays within its value."""
    weir = bench.weir([bench.node()], request='log.info("agent " .. http.getHeader("User-Agent"))')
    bench.connect(weir).send(b'GET /"a\\b}\x80\x01 HTTP/1.1\r\nHost: a\r\n\r\n')
    assert '/"a\\b}' in weir.wait_access(1)[0]["refused"]
    bench.connect(weir).send(b'GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: "x\\y"} \xff\r\n\r\n')
    assert r'agent "x\y"} ' in json.loads(weir.wait_log("agent"))["message"]


def test_access_off(bench):
    weir = bench.weir([bench.node()], log={"format": "json", "access": "off"})
    bench.connect(weir).get("/a")
    weir.stop()
    assert weir.access == []


def test_access_to_a_file(bench, tmp_path):
    path = tmp_path / "access.log"
    weir = bench.weir([bench.node()], log={"format": "json", "access": str(path)})
    bench.connect(weir).get("/to-the-file")
    weir.stop()
    assert "/to-the-file" in path.read_text()


def test_a_mistake_said_a_thousand_times_is_logged_a_few(bench):
    weir = bench.weir([bench.node()], request='error("over and over")')
    client = bench.connect(weir)
    for _ in range(1000):
        assert client.get("/").status == 500
    weir.stop()
    # so many a second: more on a slow machine, and never near the two of each
    assert 1 <= len([line for line in weir.errors if "over and over" in line]) < 500


def test_a_rule_that_logs_too_much_is_held_back(bench):
    weir = bench.weir([bench.node()], request='for i = 1, 1000 do log.info("chatter " .. i) end')
    bench.connect(weir).get("/")
    weir.stop()
    assert 50 <= len([line for line in weir.lines if "chatter" in line]) <= 500  # 100 a second


def test_control_characters_of_a_rule_are_escaped(bench):
    weir = bench.weir([bench.node()], request='log.info("first\\nsecond\\27[31m")')
    bench.connect(weir).get("/")
    line = weir.wait_log("first")
    assert "second" in line and "\x1b" not in line

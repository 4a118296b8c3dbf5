# SPDX-License-Identifier: Apache-2.0
"""Real programs at both ends of a TCP session: none of them notices weir."""
import os
import re
import shutil
import smtplib
import socket
import subprocess
import sys
import tempfile

import pytest

from lab.wait import until
from lab.weir import free_port

HERE = "127.0.0.1"


@pytest.fixture
def folder():
    path = tempfile.mkdtemp(prefix="weir-real-")
    os.chmod(path, 0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def server():
    """Starts programs, waits until they listen, and ends them."""
    running = []

    def start(command, port, **options):
        process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
        running.append(process)

        def listens():
            assert process.poll() is None, f"{command[0]} has ended"
            try:
                socket.create_connection((HERE, port), 1).close()
            except OSError:
                return False
            return True
        until(listens, f"{command[0]} listens", 30)
    yield start
    for process in running:
        process.kill()
        process.wait()


def run(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def forward(bench, port, protocol="tcp", **options):
    weir = bench.weir([f"{HERE}:{port}"], vserver={"protocol": protocol, **options.pop("vserver", {})}, **options)
    return weir, weir.address()[1]


PROTOCOLS = pytest.mark.parametrize("protocol", ["tcp", "client_first"])
SEEN = {"request": "connection.data.set('bytes', (connection.data.get('bytes') or 0) + #request.get())",
        "response": "response.get()"}


@pytest.mark.parametrize("rules", [{}, SEEN], ids=["plain", "rules"])
@PROTOCOLS
def test_redis(bench, server, folder, protocol, rules):
    server(["redis-server", "--port", str(port := free_port()), "--bind", HERE, "--dir", folder, "--save", ""], port)
    weir, at = forward(bench, port, protocol, **rules)
    client = ["redis-cli", "-h", HERE, "-p", str(at)]
    assert run([*client, "set", "key", "x" * 50_000]) == "OK\n"
    assert run([*client, "get", "key"]).strip() == "x" * 50_000
    # many commands in one write, and their answers in order
    many = "".join(f"*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n" for _ in range(5000))
    assert "errors: 0, replies: 5000" in run([*client, "--pipe"], input=many)
    assert run([*client, "get", "n"]) == "5000\n"
    for line in weir.wait_access(4):
        assert line["end"] in ("ok", "client_reset")


@pytest.mark.parametrize("rules", [{}, SEEN], ids=["plain", "rules"])
@PROTOCOLS
def test_postgresql(bench, server, folder, protocol, rules):
    programs = sorted(os.listdir("/usr/lib/postgresql"))[-1]
    programs = f"/usr/lib/postgresql/{programs}/bin"
    data = os.path.join(folder, "data")
    os.mkdir(data)
    shutil.chown(data, "postgres", "postgres")
    as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    run([*as_user, f"{programs}/initdb", "-D", data, "-A", "trust", "--no-sync"], cwd="/")
    server([*as_user, f"{programs}/postgres", "-D", data, "-p", str(port := free_port()), "-h", HERE, "-k", data,
            "-F"], port, cwd="/")
    weir, at = forward(bench, port, protocol, **rules)

    def ask(command):
        return run(["psql", "-h", HERE, "-p", str(at), "-U", "postgres", "-d", "postgres", "-At", "-c", command])
    until(lambda: subprocess.run(["psql", "-h", HERE, "-p", str(port), "-U", "postgres", "-c", "select 1"],
                                 capture_output=True).returncode == 0, "it takes questions", 30)
    assert ask("select 6 * 7") == "42\n"
    assert len(ask("select repeat('x', 100) from generate_series(1, 20000)")) == 101 * 20000
    assert ask("create table t (a int); insert into t select generate_series(1, 1000); select sum(a) from t"
               ).strip().endswith("500500")
    assert {line["end"] for line in weir.wait_access(3)} <= {"ok", "client_reset", "node_reset"}


MAIL = """
import sys, time
from aiosmtpd.controller import Controller
class Keep:
    async def handle_DATA(self, server, session, envelope):
        open(sys.argv[2], "ab").write(b"<%s>%s" % (envelope.mail_from.encode(), envelope.content))
        return "250 kept"
Controller(Keep(), hostname="127.0.0.1", port=int(sys.argv[1]), ready_timeout=30).start()
time.sleep(1000)
"""


@pytest.mark.parametrize("vserver, rules", [
    ({"protocol": "tcp"}, {}),
    ({"protocol": "server_first"}, SEEN),
    ({"protocol": "server_first", "server_first_banner": "220 weir ESMTP\\r\\n".encode().decode("unicode_escape")},
     {"request": 'if request.getLine():upper():find("EHLO", 1, true) then log.info("said ehlo") end'})],
    ids=["stream", "turns", "banner"])
def test_mail(bench, server, folder, vserver, rules):
    kept = os.path.join(folder, "mail")
    server([sys.executable, "-c", MAIL, str(port := free_port()), kept], port)
    weir, at = forward(bench, port, vserver=vserver, **rules)
    body = "Subject: hello\r\n\r\n" + "a line of text\r\n" * 2000
    for number in range(2):
        with smtplib.SMTP(HERE, at, timeout=20) as client:
            client.ehlo("me")
            for _ in range(2):  # two in one session
                client.sendmail(f"from{number}@a.test", "to@b.test", body)
    text = open(kept, "rb").read()
    assert text.count(b"a line of text\r\n") == 8000
    assert re.findall(b"<from(.)@", text) == [b"0", b"0", b"1", b"1"]
    assert {line["end"] for line in weir.wait_access(2)} <= {"ok", "client_reset", "node_reset"}
    if "server_first_banner" in vserver:
        weir.wait_log("said ehlo")


def test_ssh(bench, server, folder):
    for name in ("host", "user"):
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{folder}/{name}"])
    shutil.copy(f"{folder}/user.pub", f"{folder}/keys")
    port = free_port()
    with open(f"{folder}/conf", "w") as conf:
        conf.write(f"""ListenAddress {HERE}:{port}\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/keys
PidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\n""")
    os.makedirs("/run/sshd", exist_ok=True)  # what it drops its privileges into
    server(["/usr/sbin/sshd", "-D", "-f", f"{folder}/conf"], port)
    weir, at = forward(bench, port)
    client = ["ssh", "-F", "none", "-p", str(at), "-i", f"{folder}/user", "-o", "BatchMode=yes",
              "-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={folder}/known", f"root@{HERE}"]
    size = 20_000_000
    assert len(subprocess.run([*client, f"head -c {size} /dev/zero"], capture_output=True, timeout=60).stdout) == size
    # the other way, and the end of the input reaches the far side
    assert run([*client, "wc -c"], input="y" * 1_000_000).strip() == "1000000"
    line = weir.wait_access(2)[0]
    assert line["bytes_out"] > size


@pytest.mark.parametrize("options", [[], ["-R"], ["--bidir"], ["-P", "4"]], ids=["up", "down", "both", "four"])
def test_iperf3(bench, server, options):
    server(["iperf3", "-s", "-p", str(port := free_port()), "-B", HERE], port)
    weir, at = forward(bench, port)
    said = run(["iperf3", "-c", HERE, "-p", str(at), "-n", "50M", "-J", *options])
    assert '"error"' not in said
    # the server leaves when it has heard enough: not all has to get there
    until(lambda: len(weir.access) >= 2 and sum(line["bytes_in"] + line["bytes_out"] for line in weir.access) > 20_000_000,
          "all its connections are logged", 20)

# SPDX-License-Identifier: Apache-2.0
"""The five servers that read the same bytes. Each takes every method and path it can, reads the body
and writes one line per request into its log:

    source address, status, length and hash of the body ("-": none told), request line

Their parsers run as they are delivered; only limits of size are raised and, in lighttpd, bodies of
GET and HEAD allowed.
"""
import os
import re
import subprocess
import sys

from lab.peers import APACHE_PLACE, NGINX_PLACE, Server
from lab.wait import until

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = "/usr/lib/apache2/modules"

_NGINX = r"""
daemon off; master_process off; worker_processes 1; user root;
pid {directory}/pid; error_log {directory}/error.log;
worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{""" + NGINX_PLACE + r"""    log_format seen "$remote_addr\t$status\t$sent_http_x_body\t$request";
    access_log {directory}/seen seen;
    client_max_body_size 0; client_body_buffer_size 1m; client_header_buffer_size 64k;
    large_client_header_buffers 16 64k; keepalive_requests 100000; keepalive_timeout 30s;
    server {{
        listen {address} backlog=4096;
        location / {{
            scgi_pass unix:{answer}/scgi; scgi_ignore_client_abort on;
            scgi_param REQUEST_METHOD $request_method; scgi_param REQUEST_URI $request_uri;
        }}
    }}
}}
"""
_APACHE = APACHE_PLACE + r"""LoadModule env_module {modules}/mod_env.so
LoadModule proxy_module {modules}/mod_proxy.so
LoadModule proxy_http_module {modules}/mod_proxy_http.so
ServerLimit 1
StartServers 1
ThreadLimit 128
ThreadsPerChild 128
MaxRequestWorkers 128
MinSpareThreads 1
MaxSpareThreads 128
LimitRequestFields 0
LimitRequestFieldSize 65536
LimitRequestLine 65536
MaxKeepAliveRequests 0
KeepAliveTimeout 30
AllowEncodedSlashes NoDecode
CustomLog {directory}/seen "%a\t%>s\t%{{X-Body}}o\t%r"
Proxy100Continue Off
SetEnv proxy-sendcl 1
SetEnv proxy-nokeepalive 1
ProxyPass / "unix:{answer}/http|http://answer/" nocanon
"""
_LIGHTTPD = r"""
server.document-root = "{root}"
server.bind = "{host}"
server.port = {port}
server.errorlog = "{directory}/error.log"
server.modules = ("mod_accesslog", "mod_scgi")
server.max-keep-alive-requests = 100000
server.max-keep-alive-idle = 30
server.max-request-field-size = 262144
server.http-parseopts += ("method-get-body" => "enable")
accesslog.filename = "{directory}/seen"
accesslog.format = "%h\t%s\t%{{X-Body}}o\t%r"
scgi.server = ("/" => (("socket" => "{answer}/scgi", "check-local" => "disable")))
"""


class Line:
    """What a server wrote of one request."""

    def __init__(self, text):
        self.source, status, self.body, self.request = text.rstrip("\n").split("\t", 3)
        self.status = int(status)
        words = self.request.split(" ")
        self.method, self.target = (words[0], words[1]) if len(words) == 3 else (None, None)


def _unescape(text):
    """Logs write bytes as \\xhh and put a backslash before quotes."""
    return re.sub(r"\\(?:x([0-9A-Fa-f]{2})|(.))",
                  lambda found: chr(int(found[1], 16)) if found[1] else found[2], text)


class _Counting(Server):
    """`seen()` gives the lines of its log by source address; call it when the server has ended."""
    escapes = True

    def __init__(self, address, **words):
        super().__init__(address, None)
        self.log = os.path.join(self.directory, "seen")
        self.words = dict(directory=self.directory, root=self.root, address=self.name,
                          host=self.host, port=self.port, modules=MODULES, **words)

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:  # uvicorn waits for requests that their clients left
            self.process.kill()
            self.process.wait()

    def seen(self):
        found = {}
        with open(self.log, encoding="latin-1", newline="\n") as file:
            for text in file:
                line = Line(_unescape(text) if self.escapes else text)
                found.setdefault(line.source, []).append(line)
        return found


class Nginx(_Counting):
    def __init__(self, address, answer):
        super().__init__(address, answer=answer)
        self._write(_NGINX.format(**self.words))
        self._start(["nginx", "-c", "{path}", "-e", "stderr"], "nginx")


class Apache(_Counting):
    def __init__(self, address, answer):
        super().__init__(address, answer=answer)
        self._write(_APACHE.format(**self.words))
        self._start(["apache2", "-f", "{path}", "-DFOREGROUND"], "apache2")


class Lighttpd(_Counting):
    def __init__(self, address, answer):
        super().__init__(address, answer=answer)
        self._write(_LIGHTTPD.format(**self.words))
        self._start(["lighttpd", "-D", "-f", "{path}"], "lighttpd")


class Node(_Counting):
    escapes = False

    def __init__(self, address, answer):
        super().__init__(address)
        self._start(["node", os.path.join(HERE, "answer_node.js"), self.host, str(self.port), self.log],
                    "node")


class Python(_Counting):
    """uvicorn with the h11 parser, both in Python alone; the library's own http.server knows no
    chunks."""
    escapes = False

    def __init__(self, address, answer):
        super().__init__(address)
        os.environ["DIFFERENTIAL_LOG"] = self.log
        self._start([sys.executable, "-B", "-m", "uvicorn", "--app-dir", HERE, "--http", "h11", "--ws",
                     "none", "--lifespan", "off", "--no-access-log", "--log-level", "critical",
                     "--timeout-keep-alive", "30", "--backlog", "1024", "--host", self.host, "--port",
                     str(self.port), "answer_asgi:app"], "uvicorn")


SERVERS = {"nginx": Nginx, "apache": Apache, "node": Node, "python": Python, "lighttpd": Lighttpd}


def start_answer(directory, stack):
    """Starts what answers for nginx, Apache and lighttpd, with its sockets in `directory`."""
    process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", sys.executable,
                                os.path.join(HERE, "answer.py"), directory])

    def end():
        process.terminate()
        process.wait()

    stack.callback(end)
    until(lambda: os.path.exists(os.path.join(directory, "http")), "answer.py listens")

# SPDX-License-Identifier: Apache-2.0
"""What is measured: the load of each scenario, and the ratio to the best peer that weir aims at."""
from contenders import FIRST_SOURCE, SOURCES, Job

# What a browser sends: eight fields, 600 bytes with the request line.
BROWSER = [
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Accept-Language: en-GB,en;q=0.8,de-DE;q=0.6,de;q=0.4",
    "Accept-Encoding: gzip, deflate, br",
    "Referer: https://bench.example/catalogue/spring/listing?page=4&order=price",
    "Cookie: session=4f1c9b0c6a7de2b85f3be1a9471d3c02; theme=dark; consent=necessary,statistics",
    "Cache-Control: max-age=0",
    "Upgrade-Insecure-Requests: 1",
]


MEBIBYTE = 1 << 20


class Scenario:
    def __init__(self, name, title, target, path="/s", length=100, connections=64, fields=(),
                 more=(), **job):
        self.name, self.title, self.target = name, title, target
        self.path, self.length, self.connections, self.fields = path, length, connections, fields
        self.more, self.job = list(more), job

    def new_job(self):
        return Job(**self.job)

    @property
    def upload(self):
        return int(self.more[self.more.index("-u") + 1]) if "-u" in self.more else 0

    @property
    def callgrind_requests(self):
        """Of a short and of a long run; every connection has had one before the difference."""
        return (48, 144) if self.length + self.upload >= MEBIBYTE else (500, 2000)

    @property
    def load(self):
        """Arguments of the client, without where to and how long."""
        fields = [word for field in self.fields for word in ("-H", field)]
        return ["-t", self.path, "-l", str(self.length), "-c", str(self.connections), *fields,
                *self.more]


SCENARIOS = [
    Scenario("small", "kept-alive both sides, 100 B", 0.75),
    Scenario("browser", "the same with 8 browser headers (600 B)", 0.75, fields=BROWSER),
    Scenario("rule", "the same through a rule that chooses the pool (peers without a script)", 0.80,
             fields=[*BROWSER, "X-Route: web"], has_rule=True),
    Scenario("16k", "16 KiB answers", 0.70, path="/m", length=16384),
    Scenario("1m", "1 MiB answers", 0.55, path="/l", length=MEBIBYTE, connections=16),
    Scenario("upload", "1 MiB uploads", 0.55, path="/u", connections=16,
             more=["-u", str(MEBIBYTE)]),
    Scenario("client", "new client connection per request", 0.70, connections=32, more=["-x"]),
    Scenario("node", "new node connection per request", 0.75, connections=32, keeps_nodes=False),
    Scenario("transparent", "transparent, kept-alive, 100 clients", 0.75, connections=SOURCES,
             more=["-s", FIRST_SOURCE, "-k", str(SOURCES)], is_transparent=True),
    Scenario("tcp", "TCP: one connection each, 100 B turns", 0.95, is_tcp=True),
    Scenario("tcp-client", "TCP: a connection per turn", 0.95, connections=32, more=["-x"], is_tcp=True),
    Scenario("tcp-1m", "TCP: 1 MiB answers", 0.95, path="/l", length=MEBIBYTE, connections=16, is_tcp=True),
    Scenario("tcp-upload", "TCP: 1 MiB uploads", 0.95, path="/u", connections=16,
             more=["-u", str(MEBIBYTE)], is_tcp=True),
]

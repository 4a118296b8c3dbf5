# SPDX-License-Identifier: Apache-2.0
"""The proxies of the benchmark, each set up for the same work.

One worker each, access logs off, the same time limits, connections on both sides kept without a
limit on requests, no file on disk for bodies, and one header that tells the node who the client is.
"""
import glob
import json
import os
import signal
import socket
import subprocess
import time

from lab import hostile
from lab.peers import NGINX_PLACE

ADDRESS = "10.9.0.1"
FIRST_SOURCE, SOURCES = "10.9.0.2", 100  # addresses of the clients in the transparent scenario
NODE_PORT = 8100
NOBODY_PORT = 8101  # nothing listens here: a request that gets here becomes an error
NEIGHBOUR_NODE_PORT = 8102  # a back end that only the neighbour of fairness.py has
GZIP_NODE_PORT = 8103  # the node of compression.py
NEIGHBOUR_PORTS = 50  # a proxy listens for the neighbour at its own port plus this
IDLE = "600s"  # longer than anything here takes
OTHERS_ADDRESS, OTHERS_FIRST_PORT = "127.0.0.2", 10000
NODES_NETWORK = "127.3"
PROXY_CPU, LOAD_CPU = "0", "1"

# One rule in four languages: the request's X-Route chooses the pool.
ROUTE_RULE = 'if http.getHeader("X-Route") == "web" then pool.use("web") end\n'
NGINX_LUA = ('set $pool none; rewrite_by_lua_block {'
              ' if ngx.var.http_x_route == "web" then ngx.var.pool = "web" end }')
NGINX_PERL = ('perl_set $pool \'sub { my $x = $_[0]->header_in("X-Route");'
              ' defined $x && $x eq "web" ? "web" : "none" }\';')
HAPROXY_RULE = """
core.register_action("route", {"http-req"}, function(txn)
    if txn.sf:req_hdr("x-route") == "web" then txn:set_var("txn.pool", "web") end
end)
"""

# Endings of a contender's name: the same program, set up in another way.
TUNED = "-tuned"      # for large bodies, away from what comes by default
LUA = "-lua"          # a peer that runs the rule that weir runs
PERL = "-perl"        # nginx: the same in Perl
HDR = "-hdr"          # haproxy: the same choice in its own language
PLAIN = "-plain"      # weir without the rule: what it costs over none at all
DEFAULT = "-default"  # a weir that opens a node connection for each request with a body


class Failed(Exception):
    """A contender that did not do what it had to."""


def pinned(cpu, command):
    # setpriv: should the benchmark be killed, the kernel ends this too
    return ["setpriv", "--pdeathsig", "KILL", "taskset", "-c", cpu, *command]


def weir_conf(job, directory):
    main = {"listen": f"{ADDRESS}:{job.port}", "protocol": "tcp" if job.is_tcp else "http", "pool": "web",
            "timeouts": {"keepalive": IDLE}}
    nodes = [f"{NODES_NETWORK}.{i // 250}.{i % 250 + 1}:{NODE_PORT}" for i in range(job.nodes)]
    web = {"nodes": nodes or [f"{ADDRESS}:{job.node_port}"], "keepalive": job.keeps_nodes,
           "transparent": job.is_transparent}
    if job.has_gzip:
        main["gzip"] = {"enabled": True}
    if job.variant != DEFAULT:
        web["http"] = {"keepalive_non_idempotent": True}
        web["max_idle_connections_pernode"] = 0
    others = {f"other-{i}": {"listen": f"{OTHERS_ADDRESS}:{OTHERS_FIRST_PORT + i}",
                             "protocol": "http", "pool": f"other-{i}"} for i in range(job.others)}
    pools = {f"other-{i}": {"nodes": [f"{OTHERS_ADDRESS}:{NOBODY_PORT}"]} for i in range(job.others)}
    pools["web"] = web
    if job.has_neighbour:
        others["neighbour"] = {"listen": f"{ADDRESS}:{job.port + NEIGHBOUR_PORTS}",
                               "protocol": "http", "pool": "neighbour"}
        pools["neighbour"] = {"nodes": [f"{ADDRESS}:{NEIGHBOUR_NODE_PORT}"]}
    if job.has_hostile:
        os.mkdir(os.path.join(directory, "rules"))
        with open(os.path.join(directory, "rules", "hostile.lua"), "w") as file:
            file.write(hostile.as_one())
        others["neighbour"]["request_rules"] = ["hostile"]
    if job.has_rule and job.variant != PLAIN:
        os.mkdir(os.path.join(directory, "rules"))
        with open(os.path.join(directory, "rules", "route.lua"), "w") as file:
            file.write(ROUTE_RULE)
        main.update(request_rules=["route"], pool="none")
        pools["none"] = {"nodes": [f"{ADDRESS}:{NOBODY_PORT}"]}
    return json.dumps({
        "workers": 1, "control": os.path.join(directory, "control.sock"),
        "rules_dir": os.path.join(directory, "rules"), "watchdog_timeout": "60s",
        "log": {"level": "warn", "access": "off"}, "connection": {"idle_timeout": IDLE},
        "virtual_servers": {**others, "main": main}, "pools": pools}, indent=1)


def haproxy_tcp_conf(job):
    is_tuned = job.variant == TUNED
    return f"""
global
    nbthread 1
    maxconn 9500
    {"maxpipes 100" if is_tuned else ""}
defaults
    mode tcp
    timeout connect 5s
    timeout client {IDLE}
    timeout server {IDLE}
    {"option splice-auto" if is_tuned else ""}
frontend main
    bind {ADDRESS}:{job.port}
    default_backend web
backend web
    server node {ADDRESS}:{NODE_PORT}
"""


def haproxy_conf(job, directory):
    if job.is_tcp:
        return haproxy_tcp_conf(job)
    keeping = "option http-keep-alive" if job.keeps_nodes else "option http-server-close"
    source = f"source {ADDRESS} usesrc clientip" if job.is_transparent else ""
    # haproxy does not find kept connections of a client again, but each client's connection may have
    # its own, which costs a third of that
    reuse = "never" if job.is_transparent else "always"
    neighbour = ""
    if job.has_neighbour:
        neighbour = (f"frontend neighbour\n    bind {ADDRESS}:{job.port + NEIGHBOUR_PORTS}\n"
                     "    default_backend neighbour\nbackend neighbour\n"
                     f"    server node {ADDRESS}:{NEIGHBOUR_NODE_PORT}\n")
    is_tuned = job.variant == TUNED
    splice = "option splice-request\n    option splice-response" if is_tuned else ""
    pipes = "maxpipes 100" if is_tuned else ""
    script, route, choice, none = "", "", "default_backend web", ""
    if job.variant == LUA:
        with open(os.path.join(directory, "route.lua"), "w") as file:
            file.write(HAPROXY_RULE)
        script = f"lua-load {directory}/route.lua"
        route, choice = "http-request lua.route", "use_backend %[var(txn.pool)]"
        none = f"backend none\n    server nobody {ADDRESS}:{NOBODY_PORT}"
    if job.variant == HDR:
        choice = "use_backend web if { hdr(x-route) web }\n    default_backend none"
        none = f"backend none\n    server nobody {ADDRESS}:{NOBODY_PORT}"
    return f"""
global
    nbthread 1
    maxconn 9500
    {pipes}
    {script}
    tune.pool-low-fd-ratio 100
    tune.pool-high-fd-ratio 100
defaults
    mode http
    timeout connect 5s
    timeout client {IDLE}
    timeout server {IDLE}
    timeout http-keep-alive {IDLE}
    {keeping}
    {splice}
    http-reuse {reuse}
    option forwardfor
frontend main
    bind {ADDRESS}:{job.port}
    {route}
    {choice}
backend web
    {source}
    server node {ADDRESS}:{NODE_PORT} pool-max-conn -1 pool-purge-delay {IDLE}
{none}
{neighbour}
"""


def nginx_script(job):
    """(load_module, other directives of http, those of the location) of the rule, if there is one."""
    lua, perl = ("ndk_http_module", "ngx_http_lua_module"), ("ngx_http_perl_module",)
    names = {LUA: lua, PERL: perl}.get(job.variant, ())
    modules = "".join(f"load_module {job.nginx_modules}/usr/lib/nginx/modules/{name}.so;\n"
                      for name in names)
    if job.variant == LUA:
        return modules, f"lua_package_path '{job.nginx_modules}/usr/share/lua/5.1/?.lua;;';", NGINX_LUA
    if job.variant == PERL:
        place = glob.glob(f"{job.nginx_modules}/usr/lib/*-linux-gnu/perl5/*")[0]
        return modules, f"perl_modules {place}; {NGINX_PERL}", ""
    return modules, "", ""


def nginx_tcp_conf(job, directory):
    return f"""
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off; worker_processes 1; user root; pid {directory}/pid; error_log {directory}/error.log;
worker_rlimit_nofile {job.descriptors};
events {{ worker_connections {job.descriptors - 100}; }}
stream {{
    proxy_timeout {IDLE}; {"proxy_buffer_size 256k;" if job.variant == TUNED else ""}
    upstream web {{ server {ADDRESS}:{NODE_PORT}; }}
    server {{ listen {ADDRESS}:{job.port} backlog=4096; proxy_pass web; }}
}}
"""


def nginx_conf(job, directory):
    if job.is_tcp:
        return nginx_tcp_conf(job, directory)
    buffers = ""
    if job.variant == TUNED:
        buffers = "proxy_buffer_size 64k; proxy_buffers 8 64k; client_body_buffer_size 256k;"
    # With kept node connections nginx would use one client's for another (README.md, Transparent).
    keeps = job.keeps_nodes and not job.is_transparent
    keep = f"keepalive 10000; keepalive_requests 1000000000; keepalive_timeout {IDLE};" if keeps else ""
    bind = "proxy_bind $remote_addr transparent;" if job.is_transparent else ""
    gzip = "gzip on; gzip_types text/plain; gzip_proxied any;" if job.has_gzip else ""
    neighbour = ""
    if job.has_neighbour:
        neighbour = (f"upstream neighbour {{ server {ADDRESS}:{NEIGHBOUR_NODE_PORT}; {keep} }}\n"
                     f"    server {{ listen {ADDRESS}:{job.port + NEIGHBOUR_PORTS}; location / {{"
                     " proxy_pass http://neighbour; } }")
    modules, paths, route = nginx_script(job)
    pool, none = "web", ""
    if job.variant in (LUA, PERL):
        pool, none = "$pool", f"upstream none {{ server {ADDRESS}:{NOBODY_PORT}; }}"
    return f"""
{modules}
daemon off; worker_processes 1; user root; pid {directory}/pid; error_log {directory}/error.log;
worker_rlimit_nofile {job.descriptors};
events {{ worker_connections {job.descriptors - 100}; }}
http {{
    access_log off; {NGINX_PLACE.format(directory=directory)}    keepalive_timeout {IDLE}; keepalive_requests 1000000000; client_max_body_size 0;
    proxy_max_temp_file_size 0; proxy_request_buffering off; proxy_http_version 1.1;
    {buffers} {gzip}
    proxy_set_header Host $http_host;
    proxy_set_header Connection "{'' if keeps else 'close'}";
    proxy_set_header X-Forwarded-For $remote_addr;
    {paths}
    upstream web {{ server {ADDRESS}:{job.node_port}; {keep} }}
    {none}
    server {{
        listen {ADDRESS}:{job.port} backlog=4096;
        location / {{ {route} proxy_pass http://{pool}; {bind} }}
    }}
    {neighbour}
}}
"""


def h2o_conf(job, directory):
    return f"""
num-threads: 1
max-connections: 15000
user: root
listen: {{host: {ADDRESS}, port: {job.port}}}
error-log: {directory}/error.log
http1-request-timeout: 600
limit-request-body: 1073741824
proxy.preserve-host: ON
proxy.timeout.keepalive: {600000 if job.keeps_nodes else 0}
hosts:
  default:
    paths:
      /: {{proxy.reverse.url: "http://{ADDRESS}:{NODE_PORT}"}}
"""


def nothing(_job, _directory):
    return ""


KINDS = {
    "floor": (nothing, [ADDRESS, "{port}", str(NODE_PORT), "{nodes}"]),
    "weir": (weir_conf, ["run", "-c", "{conf}"]),
    "haproxy": (haproxy_conf, ["-db", "-f", "{conf}"]),
    "nginx": (nginx_conf, ["-c", "{conf}", "-e", "{directory}/error.log"]),
    "h2o": (h2o_conf, ["-c", "{conf}"]),
}


class Job:
    """How a scenario wants its proxies; what depends on the contender is filled in by start()."""

    def __init__(self, keeps_nodes=True, is_transparent=False, has_rule=False, is_tcp=False,
                 has_neighbour=False, has_hostile=False, has_gzip=False, others=0, nodes=0):
        self.keeps_nodes, self.is_transparent, self.has_rule = keeps_nodes, is_transparent, has_rule
        self.is_tcp = is_tcp  # bytes are passed on, and nobody looks at what they are
        self.has_neighbour = has_neighbour or has_hostile
        self.has_hostile = has_hostile  # weir: the neighbour's rule does its worst (hostile.py)
        self.has_gzip = has_gzip  # weir and nginx
        self.node_port = GZIP_NODE_PORT if has_gzip else NODE_PORT
        self.others = others  # weir: so many more virtual servers, with a pool each
        self.nodes = nodes    # weir: so many nodes in the pool, not one: the back end has all addresses
        self.port = self.descriptors = 0
        self.variant, self.nginx_modules = "", ""


class Contender:
    """A program that may run as a proxy. `name` begins with its kind: "haproxy-3.4" is a haproxy.
    `nginx_modules`: where unpack_nginx_modules.sh put them."""

    def __init__(self, name, path, port, nginx_modules=""):
        self.name, self.path, self.port, self.nginx_modules = name, path, port, nginx_modules
        self.kind = name.split("-")[0]
        self.variant = next((end for end in (TUNED, LUA, PERL, HDR, PLAIN, DEFAULT) if name.endswith(end)), "")
        if self.kind not in KINDS:
            raise Failed(f"'{name}' does not begin with one of {', '.join(KINDS)}")

    def at_another_port(self, number):
        """The same contender, to run beside itself."""
        return Contender(self.name, self.path, self.port + 100 * (number + 2), self.nginx_modules)

    def takes_part(self, scenario):
        if self.variant == TUNED:
            return scenario.length + scenario.upload >= 16384
        if self.variant in (LUA, PERL, HDR, PLAIN):
            return scenario.new_job().has_rule
        if scenario.new_job().is_tcp and (self.variant == DEFAULT or self.kind in ("floor", "h2o")):
            return False
        if self.variant == DEFAULT:
            return scenario.upload > 0
        if self.kind == "floor":
            is_small = scenario.length + scenario.upload <= 100 and "-x" not in scenario.more
            return is_small and not scenario.new_job().is_transparent
        return self.kind != "h2o" or not scenario.new_job().is_transparent

    def start(self, job, directory, descriptors, wrapper=()):
        """A running proxy. `wrapper` goes before the command, such as valgrind."""
        write, arguments = KINDS[self.kind]
        directory = os.path.join(directory, self.name)
        os.mkdir(directory)
        os.chmod(directory, 0o777)  # valgrind writes here when the worker is nobody
        job.port, job.descriptors = self.port, descriptors
        job.variant, job.nginx_modules = self.variant, self.nginx_modules
        conf = os.path.join(directory, "conf")
        with open(conf, "w") as file:
            file.write(write(job, directory))
        nodes = "keep" if job.keeps_nodes else "close"
        words = [word.format(conf=conf, directory=directory, port=job.port, nodes=nodes)
                 for word in arguments]
        wrapped = [word.format(directory=directory) for word in wrapper]
        if self.kind == "nginx" and self.variant == LUA:
            libraries = glob.glob(os.path.join(self.nginx_modules, "usr/lib/*-linux-gnu"))
            wrapped = ["env", "LD_LIBRARY_PATH=" + ":".join(libraries), *wrapped]
        return Proxy(self, pinned(PROXY_CPU, [*wrapped, self.path, *words]), directory)


class Proxy:
    def __init__(self, contender, command, directory):
        self.contender, self.directory, self.port = contender, directory, contender.port
        self.log = os.path.join(directory, "output")
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, cwd=directory)
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def _wait_until_ready(self):
        last = time.monotonic() + 60
        while not self._listens():
            if self.process.poll() is not None or time.monotonic() > last:
                with open(self.log) as file:
                    raise Failed(f"{self.contender.name} does not start:\n{file.read()[-2000:]}")
            time.sleep(0.05)

    def _listens(self):
        with socket.socket() as sock:
            return sock.connect_ex((ADDRESS, self.port)) == 0

    @property
    def pids(self):
        """The whole tree of processes."""
        found, ahead = [], [self.process.pid]
        while ahead:
            pid = ahead.pop()
            found.append(pid)
            try:
                for task in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{task}/children") as file:
                        ahead += [int(word) for word in file.read().split()]
            except (FileNotFoundError, ProcessLookupError):
                pass
        return found

    def stop(self, patience=5):
        if self.process.poll() is not None:
            return
        pids = self.pids
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.process.wait()

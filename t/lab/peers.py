# SPDX-License-Identifier: Apache-2.0
"""Real servers as nodes."""
import os
import shutil
import socket
import subprocess
import tempfile

from .wait import until

# Where a server keeps what is its own: the beginning of any configuration.
NGINX_PLACE = """
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi; uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
"""
APACHE_PLACE = """
ServerRoot {directory}
PidFile {directory}/pid
ErrorLog {directory}/error.log
DefaultRuntimeDir {directory}
Listen {address}
ServerName node
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
"""
_NGINX = """
daemon off; master_process off; worker_processes 1; pid {directory}/pid; error_log {directory}/error.log; user root;
events {{ worker_connections 4096; }}
http {{""" + NGINX_PLACE + """    log_format seen '$remote_addr $request_uri';
    access_log {access};
    keepalive_requests 100000000; client_max_body_size 0; sendfile on;
    server {{
        listen {address} backlog=4096 {listen};
        root {root};
        location = /small {{ return 200 "small\\n"; }}
        location = /source {{ return 200 "$remote_addr"; }}
        {more}
    }}
}}
"""
_APACHE = APACHE_PLACE + """LoadModule mime_module {modules}/mod_mime.so
TypesConfig /etc/mime.types
MaxKeepAliveRequests 0
DocumentRoot {root}
<Directory {root}>
    Require all granted
</Directory>
"""


class Server:
    """`root` is a directory that it serves; put files there."""

    def __init__(self, address, namespace):
        self.host, self.port = address
        self.name = f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
        self.directory = tempfile.mkdtemp(prefix="weir-peer-")
        os.chmod(self.directory, 0o755)
        self.root = os.path.join(self.directory, "root")
        os.mkdir(self.root)
        self._namespace = namespace

    def _start(self, command, name):
        path = os.path.join(self.directory, "conf")
        command = ["setpriv", "--pdeathsig", "KILL", *[word.format(path=path) for word in command]]
        # a file, since a pipe that nobody reads stops a server that has much to complain of
        self._complaints = os.path.join(self.directory, "complaints")
        with open(self._complaints, "w") as complaints:
            self._launch(command, dict(stdout=subprocess.DEVNULL, stderr=complaints))
        until(self._answers, f"{name} listens at {self.name}")

    def _launch(self, command, options):
        if self._namespace:
            with self._namespace:
                self.process = subprocess.Popen(command, **options)
        else:
            self.process = subprocess.Popen(command, **options)

    def _answers(self):
        if self.process.poll() is not None:
            with open(self._complaints, errors="replace") as complaints:
                raise RuntimeError(complaints.read())
        if self._namespace:
            with self._namespace:
                sock = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET)
        else:
            sock = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET)
        with sock:
            return sock.connect_ex((self.host, self.port)) == 0

    def _write(self, text):
        with open(os.path.join(self.directory, "conf"), "w") as file:
            file.write(text)

    def close(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


class Nginx(Server):
    def __init__(self, address, namespace=None, log=False, more="", listen=""):
        super().__init__(address, namespace)
        access = f"{self.directory}/access.log seen" if log else "off"
        self._write(_NGINX.format(directory=self.directory, root=self.root, address=self.name,
                                  access=access, more=more, listen=listen))
        self._start(["nginx", "-c", "{path}", "-e", "stderr"], "nginx")

    def seen(self):
        """(source address, target) of each request so far."""
        with open(os.path.join(self.directory, "access.log")) as file:
            return [tuple(line.split()) for line in file]


class Apache(Server):
    def __init__(self, address, namespace=None):
        super().__init__(address, namespace)
        self._write(_APACHE.format(directory=self.directory, root=self.root, address=self.name,
                                   modules="/usr/lib/apache2/modules"))
        self._start(["apache2", "-f", "{path}", "-DFOREGROUND"], "apache2")


class Haproxy(Server):
    """In front of `target`, an address with a port; `words` are those of its line `server`."""

    def __init__(self, address, target, words="", namespace=None):
        super().__init__(address, namespace)
        self._write("global\n maxconn 1000\ndefaults\n mode http\n timeout connect 10s\n timeout client 30s\n"
                    f" timeout server 30s\nfrontend front\n bind {self.name}\n default_backend back\n"
                    " unique-id-format %ci:%cp:%rt\n"
                    f"backend back\n server node {target} {words}\n")
        self._start(["haproxy", "-db", "-f", "{path}"], "haproxy")


class Dnsmasq(Server):
    """A name server that knows `lines`, as its configuration has them, and nothing else."""

    def __init__(self, address, lines, namespace=None):
        super().__init__(address, namespace)
        self._write(f"port={self.port}\nlisten-address={self.host}\nbind-interfaces\nno-resolv\nno-hosts\n"
                    "user=root\npid-file\nlog-facility=-\nlog-queries\n" + "\n".join(lines) + "\n")
        self._start(["dnsmasq", "--keep-in-foreground", "--conf-file={path}"], "dnsmasq")

    def queries(self, name):
        """How often it was asked for the name so far, be it for IPv4 or IPv6."""
        return len(self.askers(name))

    def askers(self, name):
        """Who asked for it, each time."""
        with open(self._complaints) as log:
            return [line.split()[-1] for line in log if f"] {name} from" in line]


class Unbound(Server):
    """A name server that knows `records`, lines of a zone file below `test.`, and nothing else."""

    def __init__(self, address, records, namespace=None):
        super().__init__(address, namespace)
        data = "".join(f" local-data: '{record}'\n" for record in records)
        self._write(f"server:\n interface: {self.host}@{self.port}\n do-daemonize: no\n use-syslog: no\n"
                    f" username: ''\n chroot: ''\n directory: '{self.directory}'\n"
                    f" pidfile: '{self.directory}/pid'\n log-queries: yes\n module-config: iterator\n"
                    f" access-control: 0.0.0.0/0 allow\n access-control: ::/0 allow\n local-zone: test. static\n{data}")
        self._start(["unbound", "-c", "{path}"], "unbound")

    def askers(self, name):
        """Who asked for it, each time."""
        with open(self._complaints) as log:
            return [line.split()[-4] for line in log if f" {name}. " in line]

# SPDX-License-Identifier: Apache-2.0
"""Three hosts in a row: client, weir, node; whatever goes from one end to the other passes weir.

    client 10.1.0.1 .. .50   weir 10.1.255.254 | 10.2.255.254   node 10.2.0.1, 10.2.0.80
           fd00:1::1 .. ::50      fd00:1::ffff | fd00:2::ffff        fd00:2::1, fd00:2::80
"""
from .netns import Namespace

CLIENTS_V4 = [f"10.1.0.{i}" for i in range(1, 51)]
CLIENTS_V6 = [f"fd00:1::{i}" for i in range(1, 51)]
WEIR_V4, WEIR_V6 = "10.1.255.254", "fd00:1::ffff"
WEIR_NODE_SIDE_V4, WEIR_NODE_SIDE_V6 = "10.2.255.254", "fd00:2::ffff"
NODE_V4, NODE_V6 = "10.2.0.1", "fd00:2::1"
LEGACY_V4, LEGACY_V6 = "10.2.0.80", "fd00:2::80"

# The return path of transparent connections, and TPROXY's way in: what is for one of our sockets
# is marked, what is marked is delivered here.
_RETURN_PATH = (
    "{tables} -t mangle -A PREROUTING -p tcp -m socket --transparent -j MARK --set-mark 1",
    "{tables} -t mangle -A PREROUTING -p udp -m socket --transparent -j MARK --set-mark 1",
    # what nodes and routers say of datagrams that we sent in clients' names
    "{tables} -t mangle -A PREROUTING -p {icmp} -m socket --transparent -j MARK --set-mark 1",
    "ip {family} rule add fwmark 1 lookup 100",
    "ip {family} route add local {everywhere} dev lo table 100",
)
_REDIRECT = ("{tables} -t nat -A PREROUTING -p tcp --dport {port} -j REDIRECT --to-port {to}",)
_TPROXY = (
    "{tables} -t mangle -A PREROUTING -i client -p {protocol} --dport {port}"
    " -j TPROXY --on-port {to} --tproxy-mark 1",
)


class River:
    def __init__(self):
        self._captures = []
        self.client, self.weir, self.node = (Namespace(n) for n in ("client", "weir", "node"))
        self._join(self.client, "client", 1, CLIENTS_V4, CLIENTS_V6)
        self._join(self.node, "node", 2, [NODE_V4, LEGACY_V4], [NODE_V6, LEGACY_V6])
        self.weir.sysctl("ipv4/ip_forward", 1)
        self.weir.sysctl("ipv6/conf/all/forwarding", 1)
        # a client's port is never also the one that weir's kernel picks for the same addresses:
        # conntrack would take the two connections for one
        self.client.sysctl("ipv4/ip_local_port_range", "20000 29999")
        for family, tables, everywhere, icmp in _FAMILIES:
            self._weir(_RETURN_PATH, family=family, tables=tables, everywhere=everywhere, icmp=icmp)

    def _join(self, host, name, number, addresses_v4, addresses_v6):
        """A cable between `host` (its end: eth0) and weir (its end has the host's name)."""
        self.weir.run(f"ip link add {name} type veth peer name eth0 netns {host.path}")
        for space, link in ((self.weir, name), (host, "eth0")):
            space.sysctl("ipv4/conf/all/rp_filter", 0)
            space.sysctl(f"ipv4/conf/{link}/rp_filter", 0)
            space.sysctl(f"ipv6/conf/{link}/accept_dad", 0)
        self.weir.run(f"ip address add 10.{number}.255.254/16 dev {name}",
                      f"ip address add fd00:{number}::ffff/64 dev {name} nodad",
                      f"ip link set {name} up")
        host.run(*(f"ip address add {a}/16 dev eth0" for a in addresses_v4),
                 *(f"ip address add {a}/64 dev eth0 nodad" for a in addresses_v6),
                 "ip link set eth0 up",
                 f"ip route add default via 10.{number}.255.254",
                 f"ip -6 route add default via fd00:{number}::ffff")

    def _weir(self, commands, **words):
        self.weir.run(*(command.format(**words) for command in commands))

    def capture_redirect(self, port, to):
        """What clients send to `port` anywhere arrives at weir's port `to`; v4 and v6."""
        self._capture(_REDIRECT, port, to)

    def capture_tproxy(self, port, to, protocol="tcp"):
        self._capture(_TPROXY, port, to, protocol)

    def _capture(self, commands, port, to, protocol="tcp"):
        for _, tables, _, _ in _FAMILIES:
            words = {"tables": tables, "port": port, "to": to, "protocol": protocol}
            self._weir(commands, **words)
            self._captures += [(commands, words)]

    def forget_captures(self):
        while self._captures:
            commands, words = self._captures.pop()
            self._weir([command.replace(" -A ", " -D ") for command in commands], **words)

    def close(self):
        for space in (self.client, self.weir, self.node):
            space.close()


_FAMILIES = (("-4", "iptables", "0.0.0.0/0", "icmp"), ("-6", "ip6tables", "::/0", "icmpv6"))

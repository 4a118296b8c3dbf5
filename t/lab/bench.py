# SPDX-License-Identifier: Apache-2.0
"""The workbench of one test: what is set up on it is cleared away when the test ends."""
from .client import Client
from .datagram import DatagramClient, DatagramNode
from .node import Node
from .weir import Weir, free_port


class Bench:
    def __init__(self):
        self.weirs, self.nodes, self._to_close = [], [], []

    def node(self, answer=None, **options):
        node = Node(answer, **options) if answer else Node(**options)
        self.nodes.append(node)
        return node

    def datagram_node(self, answer=None, **options):
        node = DatagramNode(answer, **options) if answer else DatagramNode(**options)
        self.nodes.append(node)
        return node

    def datagram_client(self, address, **options):
        return self.keep(DatagramClient(address, **options))

    def client(self, address, **options):
        client = Client(address, **options)
        self._to_close.append(client)
        return client

    def connect(self, weir, **options):
        client = weir.client(**options)
        self._to_close.append(client)
        return client

    def keep(self, thing):
        """Closes `thing` with the rest."""
        self._to_close.append(thing)
        return thing

    def weir(self, nodes=(), request=None, response=None, completion=None, listen=None, vserver=None,
             pool=None, pools=None, rules=None, namespace=None, wrapper=(), text_log=False, **top):
        """Virtual server `main` with pool `web` of these nodes (Node, or text). `request`, `response`
        and `completion` are the text of one rule each; `vserver`, `pool`, `pools` and `top` add keys."""
        rules = dict(rules or {})
        main = {"listen": listen or f"127.0.0.1:{free_port()}", "protocol": "http", "pool": "web"}
        for phase, text in (("request", request), ("response", response), ("completion", completion)):
            if text is not None:
                rules[phase] = text
                main[phase + "_rules"] = [phase]
        main.update(vserver or {})
        web = {"nodes": [getattr(node, "name", node) for node in nodes]}
        if nodes == "original_destination":
            web = {"nodes": nodes}
        web.update(pool or {})
        conf = {**top, "virtual_servers": {"main": main}, "pools": {"web": web, **(pools or {})}}
        return self.start(conf, rules, namespace=namespace, wrapper=wrapper, text_log=text_log)

    def start(self, conf, rules=None, **options):
        weir = Weir(conf, rules, **options)
        self.weirs.append(weir)
        return weir

    @property
    def log(self):
        return "\n".join(weir.tail for weir in self.weirs)

    def clear(self, failed=False):
        for thing in self._to_close:
            thing.close()
        troubles = [trouble for node in self.nodes for trouble in node.troubles]
        for node in self.nodes:  # before weir, which would wait for answers that never come
            node.close()
        try:
            for weir in self.weirs:
                if failed:
                    weir.kill()
                else:
                    weir.stop()
        finally:
            for weir in self.weirs:
                weir.kill()
        assert failed or not troubles, "\n".join(troubles)

# SPDX-License-Identifier: Apache-2.0
"""Writes small databases in MaxMind's format (version 2.0), for tests: networks to records of texts,
numbers, lists and tables. IPv6 with IPv4 below ::/96, records of 32 bits.
"""
import ipaddress
import struct

MARKER = b"\xab\xcd\xefMaxMind.com"
SEPARATOR = bytes(16)


def control(kind, size):
    """The bytes that begin a field: its type and size."""
    extra = b""
    if size >= 285:
        size, extra = 30, (size - 285).to_bytes(2, "big")
    elif size >= 29:
        size, extra = 29, bytes([size - 29])
    if kind > 7:
        return bytes([size, kind - 7]) + extra
    return bytes([kind << 5 | size]) + extra


UINT16, UINT32, UINT64 = 5, 6, 9


def unsigned(kind, value):
    raw = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return control(kind, len(raw)) + raw


def encode(value):
    if isinstance(value, str):
        raw = value.encode()
        return control(2, len(raw)) + raw
    if isinstance(value, float):
        return control(3, 8) + struct.pack(">d", value)
    if isinstance(value, bytes):  # made by unsigned
        return value
    if isinstance(value, int):
        return unsigned(UINT32, value)
    if isinstance(value, list):
        return control(11, len(value)) + b"".join(map(encode, value))
    pairs = b"".join(encode(key) + encode(item) for key, item in value.items())
    return control(7, len(value)) + pairs


def bits_of(network):
    network = ipaddress.ip_network(network)
    if network.version == 4:
        return 96 + network.prefixlen, int(network.network_address)
    return network.prefixlen, int(network.network_address)


def write(path, networks):
    """`networks`: {"192.0.2.0/24": record, ...}, none inside another."""
    nodes, data = [[None, None]], b""
    for network, record in networks.items():
        length, number = bits_of(network)
        node = 0
        for depth in range(length - 1):
            side = number >> (127 - depth) & 1
            if nodes[node][side] is None:
                nodes.append([None, None])
                nodes[node][side] = len(nodes) - 1
            node = nodes[node][side]
        nodes[node][number >> (128 - length) & 1] = ("data", len(data))
        data += encode(record)
    count = len(nodes)

    def record_of(side):
        if side is None:
            return count
        return count + 16 + side[1] if isinstance(side, tuple) else side

    tree = b"".join(struct.pack(">II", record_of(left), record_of(right)) for left, right in nodes)
    metadata = {"binary_format_major_version": unsigned(UINT16, 2),
                "binary_format_minor_version": unsigned(UINT16, 0),
                "build_epoch": unsigned(UINT64, 1700000000), "database_type": "Test-City",
                "description": {"en": "test"}, "ip_version": unsigned(UINT16, 6),
                "languages": ["en"], "node_count": count, "record_size": unsigned(UINT16, 32)}
    path.write_bytes(tree + SEPARATOR + data + MARKER + encode(metadata))

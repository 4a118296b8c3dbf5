# SPDX-License-Identifier: Apache-2.0
"""Headers of the PROXY protocol: written as a front writes them, read as a node reads them."""
import socket
import struct

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LOCAL, PROXY = 0x20, 0x21
ALPN, AUTHORITY, CRC32C, NOOP, UNIQUE_ID = 1, 2, 3, 4, 5


def crc32c(data):
    value = 0xffffffff
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82f63b78 if value & 1 else 0)
    return value ^ 0xffffffff


def tlv(kind, value):
    return struct.pack(">BH", kind, len(value)) + value


def v1(source, dest):
    """The line for two (address, port)."""
    family = 6 if ":" in source[0] else 4
    return f"PROXY TCP{family} {source[0]} {dest[0]} {source[1]} {dest[1]}\r\n".encode()


def binary(command, family, block):
    return SIGNATURE + struct.pack(">BBH", command, family, len(block)) + block


def v2(source, dest, tlvs=b"", family=None, checksum=False):
    kind = socket.AF_INET6 if ":" in source[0] else socket.AF_INET
    family = family or (0x21 if kind == socket.AF_INET6 else 0x11)
    block = b"".join(socket.inet_pton(kind, ip) for ip, _ in (source, dest))
    block += struct.pack(">HH", source[1], dest[1]) + tlvs
    if not checksum:
        return binary(PROXY, family, block)
    header = binary(PROXY, family, block + tlv(CRC32C, bytes(4)))
    return header[:-4] + struct.pack(">I", crc32c(header))


def _exactly(sock, count):
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        assert more, f"ended within a PROXY header: {data!r}"
        data += more
    return data


def read(sock):
    """(version, source, dest) of the header that comes next, strictly; no TLVs are expected. The
    addresses are None when it says that they are unknown."""
    start = _exactly(sock, 12)
    if start == SIGNATURE:
        command, family, length = struct.unpack(">BBH", _exactly(sock, 4))
        block = _exactly(sock, length)
        assert command == PROXY
        if family == 0:
            assert not block
            return 2, None, None
        kind, size = {0x11: (socket.AF_INET, 4), 0x21: (socket.AF_INET6, 16)}[family]
        assert length == 2 * size + 4
        ports = struct.unpack(">HH", block[2 * size:])
        return (2, (socket.inet_ntop(kind, block[:size]), ports[0]),
                (socket.inet_ntop(kind, block[size:2 * size]), ports[1]))
    while not start.endswith(b"\n"):
        start += _exactly(sock, 1)
    words = start.decode().split(" ")
    assert start.endswith(b"\r\n") and len(start) <= 107 and words[0] == "PROXY", start
    if words[1:] == ["UNKNOWN\r\n"]:
        return 1, None, None
    source, dest = (words[2], int(words[4])), (words[3], int(words[5]))
    if words[1] == "TCP4":
        assert v1(source, dest) == start
    else:
        assert words[1] == "TCP6" and "." not in words[2] + words[3]
    return 1, source, dest


def split(datagram):
    """(source, dest, data) of a datagram that begins with a header of version 2, strictly."""
    assert datagram[:12] == SIGNATURE and datagram[12] == PROXY, datagram[:16]
    kind, size = {0x12: (socket.AF_INET, 4), 0x22: (socket.AF_INET6, 16)}[datagram[13]]
    length = struct.unpack(">H", datagram[14:16])[0]
    assert length == 2 * size + 4
    block, data = datagram[16:16 + length], datagram[16 + length:]
    ports = struct.unpack(">HH", block[2 * size:])
    return ((socket.inet_ntop(kind, block[:size]), ports[0]),
            (socket.inet_ntop(kind, block[size:2 * size]), ports[1]), data)

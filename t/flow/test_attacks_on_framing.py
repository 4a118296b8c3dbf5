# SPDX-License-Identifier: Apache-2.0
"""Requests whose end two readers could see in two places (rows 1 to 5 and 8 of the catalogue of
attacks): refused with the connection closed, or forwarded in a form that has one reading."""
from lab.attack import CHUNKED, GET, POST, head

LENGTH = "Content-Length: 3\r\n"


def test_row_01_length_and_coding_together(target):
    for lines in (LENGTH + CHUNKED, CHUNKED + LENGTH, LENGTH + "X: y\r\n" + CHUNKED,
                  "content-length: 0\r\n" + CHUNKED, CHUNKED + CHUNKED + LENGTH):
        reason = "transfer_encoding" if lines.startswith(CHUNKED * 2) else "length_and_chunked"
        target.refused(POST + lines + "\r\n0\r\n\r\n", 501 if reason == "transfer_encoding" else 400, reason)


def test_row_02_lengths_that_are_no_one_number(target):
    for value in ("", "5, 5", "5,6", "+5", "-1", "0x5", "5 5", "5;", "5.0", "1e1", "\x0b5", "5\x0c",
                  "9" * 20, "0" * 19 + "5", "18446744073709551621"):
        reason = "header_value" if "\x0b" in value or "\x0c" in value else "content_length"
        target.refused(f"{POST}Content-Length: {value}\r\n\r\nabcde", 400, reason)
    for other in ("4", "3"):
        target.refused(f"{POST}{LENGTH}Content-Length: {other}\r\n\r\nabcd", 400, "content_length")


def test_row_02_a_length_between_blanks_is_written_anew(target):
    target.forwarded(POST + "Content-Length: \t 003 \r\n\r\nabc",
                     head("POST /up HTTP/1.1", "Host: a", framing=["Content-Length: 3"]), b"abc")


def test_row_03_codings_that_are_not_just_chunked(target):
    for value in ("xchunked", "chunked, identity", "identity, chunked", "chunked, chunked", "gzip",
                  "gzip, chunked", "identity", "chunked;q=1", "\"chunked\"", "chunked,", ",chunked",
                  "", "chunke", "chunked\xa0"):
        target.refused(f"{POST}Transfer-Encoding: {value}\r\n\r\n0\r\n\r\n", 501, "transfer_encoding")
    target.refused(POST + CHUNKED * 2 + "\r\n0\r\n\r\n", 501, "transfer_encoding")
    for line, reason in (("Transfer-Encoding:\x0bchunked", "header_value"),
                         ("Transfer-Encoding: chunked\x00", "header_value"),
                         ("Transfer-Encoding : chunked", "header_name"),
                         ("Transfer-Encoding\t: chunked", "header_name"),
                         ("\tTransfer-Encoding: chunked", "header_folded"),
                         (" Transfer-Encoding: chunked", "header_folded"),
                         ("X: y\r\n\tTransfer-Encoding: chunked", "header_folded"),
                         ("X: y\rTransfer-Encoding: chunked", "line_end"),
                         ("Transfer_Encoding: chunked", "header_name"),
                         ("Transfer.Encoding: chunked", "header_name"),
                         ("Transfer-Encoding\x00: chunked", "header_name")):
        target.refused(f"{POST}{line}\r\n\r\n0\r\n\r\n", 400, reason)
    target.refused(f"POST / HTTP/1.0\r\n{CHUNKED}\r\n0\r\n\r\n", 400, "transfer_encoding_version")


def test_row_03_chunked_in_any_case_is_written_anew(target):
    target.forwarded(POST + "transfer-encoding:\tCHUNKED \r\n\r\n3\r\nabc\r\n0\r\n\r\n",
                     head("POST /up HTTP/1.1", "Host: a", framing=["Transfer-Encoding: chunked"]), b"abc")


def test_row_04_line_ends_controls_and_folds(target):
    for text, reason in ((GET[:-2] + "\n\r\n", "line_end"), (GET + "A: b\n\r\n", "line_end"),
                         (GET + "\n", "line_end"), ("GET / HTTP/1.1\nHost: a\n\n", "line_end"),
                         (GET + "A: b\rC: d\r\n\r\n", "line_end"), (GET + "A: b\r\r\n\r\n", "line_end"),
                         ("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", "request_line"),
                         (GET + "A: b\x00c\r\n\r\n", "header_value"), (GET + "A: b\x1f\r\n\r\n", "header_value"),
                         (GET + "A: b\x7f\r\n\r\n", "header_value"), (GET + "A\x00: b\r\n\r\n", "header_name"),
                         (GET + "A: b\r\n c\r\n\r\n", "header_folded"),
                         (GET + "A: b\r\n\t\r\n\r\n", "header_folded"),
                         ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", "header_folded")):
        target.refused(text, 400, reason)


def test_row_04_trailers_are_judged_like_headers(target):
    for trailer in ("A: b\n", "A: b\rC: d\r\n", "A: b\x00\r\n", "A : b\r\n", ": b\r\n", "A\r\n",
                    "A: b\r\n c\r\n", "\x00: b\r\n"):
        target.refused(f"{POST}{CHUNKED}\r\n3\r\nabc\r\n0\r\n{trailer}\r\n", 400, "trailer")


def test_row_05_chunks_that_can_be_counted_in_two_ways(target):
    for chunks, reason in (("x\r\nabc\r\n", "chunk_size"), ("-3\r\nabc\r\n", "chunk_size"),
                           ("+3\r\nabc\r\n", "chunk_size"), ("0x3\r\nabc\r\n", "chunk_size"),
                           ("0x10\r\nabc\r\n", "chunk_size"), ("3 \r\nabc\r\n", "chunk_size"),
                           (" 3\r\nabc\r\n", "chunk_size"), ("3\t\r\nabc\r\n", "chunk_size"),
                           ("3\nabc\r\n", "chunk_size"), ("3\r\rabc\r\n", "chunk_size"),
                           ("3_0\r\nabc\r\n", "chunk_size"), ("\r\nabc\r\n", "chunk_size"),
                           (";a\r\nabc\r\n", "chunk_size"), ("f" * 17 + "\r\n", "chunk_size"),
                           ("0" * 16 + "3\r\nabc\r\n", "chunk_size"),
                           ("3;a\nabc\r\n", "chunk_extension"), ("3;a\rb\r\nabc\r\n", "chunk_size"),
                           ("3;a=\x00\r\nabc\r\n", "chunk_extension"), ("3;\r\nabc\r\n", "chunk_extension"),
                           ("3\r\nabcd\r\n", "chunk_end"), ("3\r\nabc\n", "chunk_end"),
                           ("3\r\nabc\r\r\n", "chunk_end"), ("3\r\nab\r\n", "chunk_end")):
        target.refused(f"{POST}{CHUNKED}\r\n{chunks}0\r\n\r\n", 400, reason)


def test_row_05_extensions_end_here_and_are_bounded(target):
    seen = target.forwarded(f"{POST}{CHUNKED}\r\n3;a=b;c=\"d\"\r\nabc\r\n0;last\r\n\r\n",
                            head("POST /up HTTP/1.1", "Host: a", framing=["Transfer-Encoding: chunked"]), b"abc")
    assert seen.trailers == []
    dust = f"1;{'x' * 8000}\r\na\r\n" * 100
    target.refused(f"{POST}{CHUNKED}\r\n{dust}0\r\n\r\n", 400, "chunk_extension")


def test_the_request_line_and_expect(target):
    """A line that is read in two ways has a head that ends in two places."""
    for line, status, reason in (("GET /", 400, "request_line"), ("GET  / HTTP/1.1", 400, "request_line"),
                                 ("GET / HTTP/1.1 ", 400, "request_line"), ("GET / HTTP/1.1\t", 400, "request_line"),
                                 ("GET / http/1.1", 400, "request_line"), ("GET / HTTP/1.1x", 400, "request_line"),
                                 ("GET\t/ HTTP/1.1", 400, "method"), (" GET / HTTP/1.1", 400, "method"),
                                 ("G@T / HTTP/1.1", 400, "method"), ("GET /\x0bHTTP/1.1", 400, "target"),
                                 ("GET / HTTP/2.0", 505, "version"), ("GET / HTTP/1.2", 505, "version"),
                                 ("GET / HTTP/0.9", 505, "version"), ("GET / HTTP/01.1", 400, "request_line")):
        target.refused(f"{line}\r\nHost: a\r\n\r\n", status, reason)
    target.refused("\r\n" * 5 + GET + "\r\n", 400, "request_line")
    target.refused(GET + "Expect: a-miracle\r\n\r\n", 417, "expect")
    target.forwarded("\r\n" * 4 + GET + "\r\n", head("GET / HTTP/1.1", "Host: a"))


def test_row_08_a_name_whose_length_overflows_eight_bits(target):
    """CVE-2021-40346: its low eight bits are the length of Content-Length."""
    for name in ("Content-Length" + "a" * 256, "a" * 256 + "Content-Length", "Content-Length0" + "a" * 255):
        target.forwarded(f"{GET}{name}: 60\r\n\r\n", head("GET / HTTP/1.1", "Host: a", f"{name}: 60"))
    name = "Content-Length" + "a" * 256
    target.refused(f"{POST}{name}: 60\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400, "content_length")

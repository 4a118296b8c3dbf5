# SPDX-License-Identifier: Apache-2.0
"""The application behind uvicorn with h11: a line in the log for each whole request.

DIFFERENTIAL_LOG in the environment names the log.
"""
import os

from digest import digest

_log = open(os.environ["DIFFERENTIAL_LOG"], "a", buffering=1)


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message.get("body", b"")
        more = message.get("more_body", False)
    target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
    _log.write("\t".join((scope["client"][0], "200", digest(body),
                          f"{scope['method']} {target.decode('latin-1')} HTTP/1.1")) + "\n")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})

"""A server on loopback whose answers go wrong in the ways that servers do."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import re
import threading
from collections.abc import Iterator
from typing import Any

CONTENT = bytes(range(256)) * 4096  # 1 MB
SHA = hashlib.sha256(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers by path: what a good, a cutting, a busy, a lying or an endless server does."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        server: Any = self.server
        server.seen.append((self.path, self.headers.get("Range")))
        calls = sum(path == self.path for path, _ in server.seen)
        start = 0
        asked = re.match(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if self.path.startswith("/missing"):
            return self.answer(404, b"no such file")
        if self.path.startswith("/busy") and calls < 3:
            return self.answer(503, b"later")
        if self.path.startswith("/never"):
            return self.answer(503, b"later")
        if asked and not self.path.startswith("/norange"):
            start = int(asked[1])
            if start >= len(CONTENT):
                return self.answer(416, b"", {"Content-Range": f"bytes */{len(CONTENT)}"})
        body = CONTENT if not self.path.startswith("/wrong") else CONTENT[::-1]
        stop = len(body)
        if self.path.startswith("/cut") and calls < 4:
            stop = start + 300_000
        if self.path.startswith("/deaf"):
            stop = start
        length = {} if self.path.startswith("/endless") else {"Content-Length": str(len(body) - start)}
        if self.path.startswith("/endless"):
            body, stop = CONTENT * 8, len(CONTENT) * 8
        span = {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"} if start else {}
        self.send_response(206 if start else 200)
        for key, value in {**length, **span, "ETag": '"1"', "Connection": "close"}.items():
            self.send_header(key, value)
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body[start:stop])
        self.close_connection = True

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)


@contextlib.contextmanager
def serving() -> Iterator[Any]:
    """A server on loopback: `url` is its address, `seen` the (path, range) of every request."""
    found: Any = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.seen = []
    found.url = f"http://127.0.0.1:{found.server_address[1]}"
    thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield found
    finally:
        found.shutdown()
        found.server_close()
        thread.join()

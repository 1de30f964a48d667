"""A folder over HTTP, for the browser on this machine alone (standard library only)."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ADDRESS = "127.0.0.1"


class _Handler(SimpleHTTPRequestHandler):
    """Files below the folder, and no lists of what is in folders."""

    extensions_map = {
        "": "application/octet-stream",
        ".css": "text/css; charset=utf-8",
        ".html": "text/html; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".json": "application/json",
        ".md": "text/plain; charset=utf-8",
        ".png": "image/png",
        ".svg": "image/svg+xml",
        ".txt": "text/plain; charset=utf-8",
        ".wasm": "application/wasm",
        "LICENSE": "text/plain; charset=utf-8",
    }

    def send_head(self) -> Any:
        # A page elsewhere could make a name of its own stand for this machine, and read the answer.
        host, (_, port, *_) = self.headers.get("Host", ""), self.connection.getsockname()
        if host not in (f"{ADDRESS}:{port}", f"localhost:{port}"):
            self.send_error(HTTPStatus.FORBIDDEN, "This server is for this machine alone")
            return None
        folder, path = (
            Path(self.directory).resolve(),
            Path(self.translate_path(self.path)).resolve(),
        )
        if path != folder and folder not in path.parents:  # a symbolic link
            self.send_error(HTTPStatus.NOT_FOUND)
            return None
        return super().send_head()

    def guess_type(self, path: Any) -> str:
        file = Path(str(path))
        return self.extensions_map.get(file.suffix.lower()) or self.extensions_map.get(
            file.name, self.extensions_map[""]
        )

    def list_directory(self, path: Any) -> None:
        self.send_error(HTTPStatus.NOT_FOUND, "No index.html in this folder")

    def end_headers(self) -> None:
        # A rebuilt tree is shown at once.
        self.send_header("Cache-Control", "no-cache")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the address is all that a user needs."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: browsers close connections in the middle of an answer."""


def listen(folder: Path, port: int) -> ThreadingHTTPServer:
    """A server that accepts connections; `serve_forever` answers them.

    Args:
        port: 0 for any that is free.

    Raises:
        OSError: if the port is taken.
    """
    return _Server((ADDRESS, port), partial(_Handler, directory=str(folder)))

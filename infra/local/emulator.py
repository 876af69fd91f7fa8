"""The emulator process: the AWS emulator library with our mends behind one HTTP server on 127.0.0.1.

`python -m infra.local.emulator --port 0 --port-file F` serves until SIGTERM; the file is written once it accepts
connections and holds the port. All data is in memory and gone with the process.
"""

from __future__ import annotations

import argparse
import signal
import sys
import traceback
from contextlib import ExitStack
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from moto.server import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import BaseWSGIServer, make_server

from infra.local.faults import Faults
from infra.local.mends import all_mends
from infra.local.mends.partial_failures import partial_failures
from infra.local.shim import Shim
from infra.local.state import HOST, replace_file

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class KeepAliveHandler(MotoRequestHandler):  # type: ignore[misc]
    """Answers many requests on one connection, which the development server refuses to, and logs none of them.

    A request is read whole and answered whole, with its length: a batch of records is a few hundred kilobytes.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""

    def run_wsgi(self) -> None:
        """Answer one request."""
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        environ = self.make_environ()
        self._read_whole(environ)
        status, headers, body = self._call(environ)
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        names = {name.lower() for name, _ in headers}
        for name, value in headers:
            self.send_header(name, value)
        if "content-length" not in names:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def _read_whole(self, environ: WSGIEnvironment) -> None:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read() if environ.get("wsgi.input_terminated") else self.rfile.read(length)
        environ["wsgi.input"] = BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)

    def _call(self, environ: WSGIEnvironment) -> tuple[str, list[tuple[str, str]], bytes]:
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None, /) -> Any:
            started.append((status, headers))

        try:
            body = b"".join(self.server.app(environ, start_response))
        except Exception:  # whatever the library raises is its answer to this request only
            traceback.print_exc()
            return "500 Internal Server Error", [], b""
        return *started[-1], body


class Dispatcher(DomainDispatcherApplication):  # type: ignore[misc]
    """Hands a request to the service of its host, which the library looks up in its own folders at each request."""

    @lru_cache(maxsize=1024)  # noqa: B019 (lives as long as the process)
    def get_backend_for_host(self, host: str | None) -> str | None:
        """Return the name of the service that a host belongs to."""
        found: str | None = super().get_backend_for_host(host)
        return found


def serve(port: int, faults: Faults) -> BaseWSGIServer:
    """Return the server, bound and listening but not yet serving; the mends must be installed.

    Raises:
        SystemExit: the port is taken.
    """
    application = Shim(Dispatcher(create_backend_app), faults)
    return make_server(HOST, port, application, threaded=True, request_handler=KeepAliveHandler)


def main(arguments: list[str]) -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--port-file", type=Path, required=True)
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with ExitStack() as mended:
        for mend in all_mends():
            mended.enter_context(mend.installed())
        faults = Faults(Random())  # noqa: S311 (chance, not secrecy)
        mended.enter_context(partial_failures(faults).installed())
        server = serve(options.port, faults)
        replace_file(options.port_file, str(server.port).encode())
        server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])

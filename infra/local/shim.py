"""The WSGI layer before the emulator: health, the plan of faults, and the faults that strike whole requests.

`GET /_clickstream/health`, `POST`, `GET` and `DELETE /_clickstream/faults`; everything else goes to the emulator.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, BinaryIO, cast

from infra.local.faults import Faults, parse_plan
from infra.local.operations import error_answer, operation_of
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

CONTROL_PREFIX = "/_clickstream/"
HEALTH_PATH = CONTROL_PREFIX + "health"
FAULTS_PATH = CONTROL_PREFIX + "faults"


class Shim:
    """A WSGI application around another; request bodies must be seekable.

    Args:
        application: the emulator.
        faults: the plan, which the control paths read and change.
    """

    def __init__(self, application: WSGIApplication, faults: Faults) -> None:
        self._application = application
        self._faults = faults

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        if environ["PATH_INFO"].startswith(CONTROL_PREFIX):
            return self._control(environ, start_response)
        if self._faults.is_idle():
            return self._application(environ, start_response)
        fault = self._faults.strike_request(operation_of(environ, _peek(environ)))
        if fault is None:
            return self._application(environ, start_response)
        time.sleep(fault.delay_s)
        if fault.error is None:
            return self._application(environ, start_response)
        if fault.applied:
            b"".join(self._application(environ, _discard))
        headers, body = error_answer(environ, fault.error)
        return _answer(start_response, f"{fault.http_status} Fault", body, headers)

    def _control(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        asked = (environ["REQUEST_METHOD"], environ["PATH_INFO"])
        if asked == ("POST", FAULTS_PATH):
            try:
                self._faults.replace(parse_plan(_peek(environ)))
            except ConfigError as error:
                return _answer(start_response, "400 Bad Request", f"{error}\n".encode())
        elif asked == ("DELETE", FAULTS_PATH):
            self._faults.clear()
        elif asked == ("GET", HEALTH_PATH):
            return _answer(start_response, "200 OK", b"{}")
        elif asked != ("GET", FAULTS_PATH):
            return _answer(start_response, "404 Not Found", b"")
        return _answer(start_response, "200 OK", json.dumps(self._faults.report()).encode())


def _peek(environ: WSGIEnvironment) -> bytes:
    stream = cast(BinaryIO, environ["wsgi.input"])
    body = stream.read()
    stream.seek(0)
    return body


def _answer(
    start_response: StartResponse, status: str, body: bytes, headers: Iterable[tuple[str, str]] = ()
) -> Iterable[bytes]:
    start_response(status, [*headers, ("Content-Length", str(len(body)))])
    return [body]


def _discard(status: str, headers: object, exc_info: object = None, /) -> Callable[[bytes], object]:
    return lambda data: None

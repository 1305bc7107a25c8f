"""Every client but httpx and aiohttp (requests, urllib3, http.client, boto, httplib2, tornado, httpx2): by vcrpy.

vcrpy hands each request to a cassette; ours asks whoever answers in this context. These patches
buffer a body whole, so a stream recorded through them is one chunk.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import Any

from harness.cassette import doors
from harness.errors import HarnessError
from harness.exchange import Failure, HttpRequest


class BrokenConnection(HarnessError, ConnectionError):  # noqa: N818 - a ConnectionError to those who catch one
    """A recorded failure of a connection, for clients whose own error class can't be known here."""


def install() -> None:
    """Put vcrpy's patches in place, for good."""
    from vcr.patch import CassettePatcherBuilder  # noqa: PLC0415 - heavy

    stack = ExitStack()
    for patcher in CassettePatcherBuilder(_Cassette()).build():
        stack.enter_context(patcher)
    stack.pop_all()  # nothing is undone: with nobody answering, requests pass straight through


class _Cassette:
    """What vcrpy's stubs ask of a cassette. It holds nothing but, per thread, the answer just found."""

    skip_patchers = ("aiohttp", "httpx")
    custom_patches = ()
    write_protected = False
    _path = "harness"

    def __init__(self) -> None:
        self._found = threading.local()

    def can_play_response_for(self, request: Any) -> bool:
        answer = doors.current()
        self._found.answer = None
        if answer is None:
            return False
        self._found.answer = answer(_asked(request))
        return doors.played(self._found.answer) is not None

    def play_response(self, request: Any) -> dict[str, Any]:
        play = doors.played(self._found.answer)
        assert play is not None, request
        response, failure = play
        if response is None or failure is not None:
            raise BrokenConnection((failure or Failure("reset")).detail or "the recorded connection broke")
        headers: dict[str, list[str]] = {}
        for name, value in response.headers:
            headers.setdefault(name, []).append(value)
        return {
            "status": {"code": response.status, "message": ""},
            "headers": headers,
            "body": {"string": response.body},
        }

    def append(self, request: Any, response: dict[str, Any]) -> None:
        del request
        answer = getattr(self._found, "answer", None)
        if answer is None:
            return
        witness = doors.witness(answer)
        named = response["headers"].items()
        headers = [(name, value) for name, given in named for value in ([given] if isinstance(given, str) else given)]
        witness.head(response["status"]["code"], tuple(headers))
        body = response["body"]["string"]
        witness.chunk(body.encode() if isinstance(body, str) else body)
        witness.end(None)

    def filter_request(self, request: Any) -> Any:
        return request

    def find_requests_with_most_matches(self, request: Any) -> list[Any]:
        del request
        return []


def _asked(request: Any) -> HttpRequest:
    headers = tuple((str(name), str(value)) for name, value in request.headers.items())
    body = request.body
    return HttpRequest(request.method, request.uri, headers, body.encode() if isinstance(body, str) else body or b"")

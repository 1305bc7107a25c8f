"""tornado's client, by vcrpy's patches, where tornado is installed.

vcrpy hands each request to a cassette; ours asks the interceptor of this context. Its patches hold a body back
until it is whole, so a stream recorded through them is one chunk, and a connection that fails is not recorded.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from harness.core.errors import HarnessError
from harness.core.exchange import Failure, HttpRequest
from harness.interception import context
from harness.interception.when_imported import when_imported

if TYPE_CHECKING:
    from types import ModuleType

_ANSWER = "_harness_answer"
_patched: list[str] = []


class BrokenConnection(HarnessError, ConnectionError):  # noqa: N818 - a ConnectionError to those who catch one
    """A recorded failure of a connection, for clients whose own error class can't be known here."""


def install() -> None:
    """Put vcrpy's patches in place, for good, when the program loads one of tornado's clients."""
    for name in ("vcr.patch", *_CLIENTS):
        when_imported(name, _patch)


_CLIENTS = ("tornado.simple_httpclient", "tornado.curl_httpclient")


def _patch(_module: ModuleType) -> None:
    patches = sys.modules.get("vcr.patch")
    loading = patches is not None and not hasattr(patches, "CassettePatcherBuilder")
    # vcrpy's patches load tornado's clients themselves, and are of use once they are loaded.
    if _patched or loading or sys.modules.keys().isdisjoint(_CLIENTS):
        return
    _patched.append("both")  # the patches find both clients themselves
    from vcr.patch import CassettePatcherBuilder  # noqa: PLC0415 - heavy

    stack = ExitStack()
    for patcher in CassettePatcherBuilder(_Cassette()).build():
        stack.enter_context(patcher)
    stack.pop_all()  # nothing is undone: with nobody answering, requests pass straight through


class _Cassette:
    """What vcrpy's stubs ask of a cassette. It holds nothing: an answer stays on the request that it is for."""

    skip_patchers = ("httplib", "requests", "boto3", "urllib3", "httplib2", "aiohttp", "httpx", "httpx2")
    custom_patches = ()
    write_protected = False
    _path = "harness"

    def can_play_response_for(self, request: Any) -> bool:
        if not hasattr(request, _ANSWER):
            answer = context.current()
            setattr(request, _ANSWER, answer(_http_request(request)) if answer else None)
        got = getattr(request, _ANSWER)
        return got is not None and context.to_replay(got) is not None

    def play_response(self, request: Any) -> dict[str, Any]:
        play = context.to_replay(getattr(request, _ANSWER))
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
        got = getattr(request, _ANSWER, None)
        if got is None:
            return
        listener = context.listener(got)
        args = response["headers"]
        named = args.items() if isinstance(args, dict) else args
        headers = [(name, value) for name, one in named for value in ([one] if isinstance(one, str) else one)]
        listener.head(response["status"]["code"], tuple(headers))
        body = response["body"]["string"]
        listener.chunk(body.encode() if isinstance(body, str) else body)
        listener.end(None)

    def filter_request(self, request: Any) -> Any:
        return request

    def find_requests_with_most_matches(self, request: Any) -> list[Any]:
        del request
        return []


def _http_request(request: Any) -> HttpRequest:
    headers = tuple((str(name), str(value)) for name, value in request.headers.items())
    body = request.body
    return HttpRequest(request.method, request.uri, headers, body.encode() if isinstance(body, str) else body or b"")

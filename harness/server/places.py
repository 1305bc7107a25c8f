"""Where things are served: which dialect a path belongs to, and one address for what was recorded at many.

A recording knows the provider's host and base path; a client of this server knows only ours. Both are brought to the
end of the path that the dialect itself fixes, and matching compares those.
"""

from __future__ import annotations

import functools
import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from harness.wire import DIALECTS

if TYPE_CHECKING:
    from harness.exchange import HttpRequest
    from harness.wire.dialect import Dialect

HERE = "http://served"
"""Stands for every host in the addresses that are compared."""

_TAIL = re.compile(
    r"(?:/openai/deployments/[^/]+)?/chat/completions|/v1/messages|/v2/chat|/api/(?:chat|generate|tags)"
    r"|/models/[^/]+:(?:generateContent|streamGenerateContent)|/model/[^/]+/converse(?:-stream)?"
)
_DIALECTS = tuple((re.compile("|".join(one.paths)), one) for one in DIALECTS.values())


def served(request: HttpRequest) -> HttpRequest:
    """``request`` as it is compared: no host, no base path, and one way to escape the path."""
    url = urlsplit(request.url)
    found = next((one for one in _TAIL.finditer(url.path) if one.end() == len(url.path)), None)
    path = quote(unquote(found[0] if found else url.path or "/"), safe="/:@")
    return replace(request, url=f"{HERE}{path}" + (f"?{url.query}" if url.query else ""))


@functools.lru_cache(1024)
def dialect(path: str) -> Dialect | None:
    """The dialect that is spoken at ``path``; None for a path of none."""
    return next((one for pattern, one in _DIALECTS if pattern.search(path)), None)

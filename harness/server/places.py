"""Where things are served: which dialect a path belongs to, and one address for what was recorded at many.

A recording knows the provider's host and base path; a client of this server knows only ours. Both are brought to the
end of the path that the dialect itself fixes, and matching compares those.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

if TYPE_CHECKING:
    from harness.core.exchange import HttpRequest

HERE = "http://served"
"""Stands for every host in the addresses that are compared."""

_TAIL = re.compile(
    r"(?:/openai/deployments/[^/]+)?/chat/completions|/v1/messages|/v2/chat|/api/(?:chat|generate|tags)"
    r"|/models/[^/]+:(?:generateContent|streamGenerateContent)|/model/[^/]+/converse(?:-stream)?"
)


def served(request: HttpRequest) -> HttpRequest:
    """``request`` as it is compared: no host, no base path, and one way to escape the path."""
    url = urlsplit(request.url)
    found = next((one for one in _TAIL.finditer(url.path) if one.end() == len(url.path)), None)
    path = quote(unquote(found[0] if found else url.path or "/"), safe="/:@")
    return replace(request, url=f"{HERE}{path}" + (f"?{url.query}" if url.query else ""))

"""The page at ``/``: one file, no resource from elsewhere, and a policy that lets nothing else run."""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib.resources
import re

from harness.core.exchange import Chunk, HttpResponse


@functools.cache
def page() -> HttpResponse:
    text = importlib.resources.files("harness.server").joinpath("page.html").read_text(encoding="utf-8")
    script, style = (_digest(text, tag) for tag in ("script", "style"))
    policy = (
        f"default-src 'none'; script-src '{script}'; style-src '{style}'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = (
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", policy),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
    )
    return HttpResponse(200, headers, (Chunk(text.encode()),))


def _digest(text: str, tag: str) -> str:
    found = re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
    assert found is not None
    return "sha256-" + base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()

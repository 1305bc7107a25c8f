"""The route that ours names for each model of litellm's table that can call tools, against the URL that litellm asks."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from harness.backend.library import library
from harness.backend.request import route_of
from harness.core.exchange import Chunk, HttpResponse
from harness.dialects import dialect_at
from harness.dialects.providers import PROFILES
from harness.dialects.routes import UNKNOWN
from harness.interception.clients import answering

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.filterwarnings("ignore"),  # litellm's own
]

TOOLS = [{"type": "function", "function": {"name": "get_x", "parameters": {"type": "object", "properties": {}}}}]
MESSAGES = [{"role": "user", "content": "Hi"}]
BASE = "http://provider.test"
REFUSED = HttpResponse(400, (("content-type", "application/json"),), (Chunk(b'{"error": {"message": "no"}}'),))
TOKEN = HttpResponse(
    200, (("content-type", "application/json"),), (Chunk(b'{"access_token": "t", "expires_in": 3600}'),)
)
# Where the address holds an account, litellm wants one before it asks.
OPTIONS = {
    "azure": {"api_base": BASE, "api_version": "2025-04-01-preview"},
    "azure_ai": {"api_base": BASE},
    "databricks": {"api_base": f"{BASE}/serving-endpoints"},
    "heroku": {"api_base": BASE},
    "snowflake": {"api_base": BASE},
    "vertex_ai": dict(PROFILES["vertex_ai/claude"].options),
    "bedrock": {key: one for key, one in PROFILES["bedrock"].options.items() if key != "aws_bedrock_runtime_endpoint"},
}
LOGINS = ("github_copilot", "chatgpt", "gigachat")
"""Providers that litellm logs in to first, over a client of its own."""
OPTIONS["bedrock_mantle"] = OPTIONS["bedrock"]


def asked_at(model, tools, options):
    """The first address that a question goes to, a token's aside; None where litellm asks nobody."""
    seen = []

    def answer(request):
        if "oauth2.googleapis.com" in request.url:
            return TOKEN
        seen.append(request.url)
        return REFUSED

    with answering(answer):
        try:
            library().completion(
                model=model, messages=MESSAGES, tools=tools, api_key="k", num_retries=0, drop_params=True, **options
            )
        except Exception:  # noqa: BLE001 - every question is refused
            return seen[0] if seen else None
    return seen[0] if seen else None


def test_ours_names_the_wire_that_litellm_asks_or_says_unknown(litellm_offline):
    litellm = library()
    rows = [name for name, row in litellm.model_cost.items() if row.get("supports_function_calling")]
    rows = [name for name in rows if name != "sample_spec"][:: int(os.environ.get("HARNESS_ROUTE_STEP", "1"))]
    counts, wrong = Counter(), {}
    for row in rows:
        try:
            name, provider, _, _ = litellm.get_llm_provider(row)
        except Exception:  # noqa: BLE001 - a row that litellm itself can't ask
            counts["no provider"] += 1
            continue
        if provider in LOGINS:
            counts["needs a login first"] += 1
            continue
        options = {"api_base": None, **OPTIONS.get(provider, {})}
        options = {key: one for key, one in options.items() if one is not None}
        model = f"{provider}/{name}"
        for tools in (TOOLS, None):
            ours = route_of(model, tools, options).dialect
            url = asked_at(model, tools, options)
            there = dialect_at(url) if url else None
            if there is None:
                counts["not seen" if url is None else "an address of no dialect here"] += 1
                if url is not None and ours != UNKNOWN and "/raw/" not in url and "device" not in url:
                    counts["named, at an address of no dialect here"] += 1
            elif ours == UNKNOWN:
                counts["unknown"] += 1
            elif ours == there.name:
                counts["equal"] += 1
            else:
                wrong[model, tools is not None] = (ours, there.name, url)
    print(f"\n{len(rows)} models, with tools and without: {dict(counts)}")
    assert wrong == {}
    assert counts["equal"] > 0.75 * 2 * len(rows)

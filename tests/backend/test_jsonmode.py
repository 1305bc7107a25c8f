from __future__ import annotations

import pytest

from harness.backend.request import json_options
from harness.core.errors import UnsupportedError
from harness.dialects.providers import PROFILES

SILENT = [name for name, row in PROFILES.items() if row.json in {"schema_only", "none"}]
OBJECT = {"type": "json_object"}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}


@pytest.mark.parametrize("provider", [*PROFILES, "somebody_new"])
def test_nothing_is_sent_where_nothing_is_asked(provider):
    assert json_options(provider, requested=False) == {}


@pytest.mark.parametrize("provider", [name for name in (*PROFILES, "somebody_new") if name not in SILENT])
def test_format_goes_only_where_it_is_understood(provider):
    expected = {"format": "json"} if provider.startswith("ollama") else {"response_format": OBJECT}
    assert json_options(provider, requested=True) == expected


@pytest.mark.parametrize("provider", SILENT)
def test_where_nothing_would_be_sent_the_wish_is_refused(provider):
    with pytest.raises(UnsupportedError, match=provider):
        json_options(provider, requested=True)


@pytest.mark.parametrize("provider", [name for name, row in PROFILES.items() if row.json != "none"])
def test_a_schema_goes_out_as_given(provider):
    assert json_options(provider, requested=True, response_format=SCHEMA) == {"response_format": SCHEMA}


def test_what_litellm_would_drop_in_silence_is_refused_unless_dropping_is_asked_for():
    with pytest.raises(UnsupportedError, match="anthropic has no JSON mode without a schema"):
        json_options("anthropic", requested=False, response_format=OBJECT)
    with pytest.raises(UnsupportedError, match="can't ask cohere for JSON"):
        json_options("cohere", requested=False, response_format=SCHEMA)
    assert json_options("cohere", requested=True, drop=True) == {"response_format": OBJECT}


def test_text_is_no_json():
    assert json_options("cohere", requested=False, response_format={"type": "text"}) == {
        "response_format": {"type": "text"}
    }

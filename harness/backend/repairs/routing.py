"""Which dialect litellm will ask a question in: its own rules where it has some, and ours for the rest."""

from __future__ import annotations

import contextlib
import inspect
from typing import TYPE_CHECKING

from harness.backend.library import bedrock_info, library, responses_config
from harness.dialects.providers import profile
from harness.dialects.routes import route

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.core.chat import Json
    from harness.dialects.providers import Profile


def route_of(model: str, tools: Sequence[Mapping[str, Json]] | None, options: Mapping[str, Json]) -> Profile:
    """The dialect and the rules for a question to ``model`` (``provider/name``) with these tools and options."""
    provider, _, name = model.partition("/")
    bedrock = _bedrock_route(name, {**options, "tools": tools}) if provider == "bedrock" else ""
    return route(provider, name, responses=_over_responses(model, tools, options), bedrock=bedrock)


def _over_responses(model: str, tools: Sequence[Mapping[str, Json]] | None, options: Mapping[str, Json]) -> bool:
    """Whether litellm will ask over OpenAI's Responses."""
    if profile(model.partition("/")[0]).asks_about_models:
        return False
    litellm = library()
    asked = ("reasoning_effort", "web_search_options", "api_base")
    # litellm raises what it likes for a model that it does not know; the request itself will tell.
    with contextlib.suppress(Exception):
        name, provider, _, _ = litellm.get_llm_provider(model, api_base=options.get("api_base"))
        info, _ = litellm.main.responses_api_bridge_check(
            model=name,
            custom_llm_provider=provider,
            tools=list(tools or ()) or None,
            **{key: options[key] for key in asked if options.get(key) is not None},
        )
        # Where litellm has no Responses of a provider for this model, it asks its chat completions after all.
        return info.get("mode") == "responses" and responses_config(provider, name, options.get("api_base")) is not None
    return False


def _bedrock_route(name: str, options: Mapping[str, Json]) -> str:
    with contextlib.suppress(Exception):
        find = bedrock_info().get_bedrock_route
        given = {"request_params": options} if "request_params" in inspect.signature(find).parameters else {}
        return str(find(name, **given))
    return ""

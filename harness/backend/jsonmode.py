"""How each provider is asked for JSON, after what litellm 1.109.1 does with each word: ``json`` of its row.

``format="json"`` is sent only where litellm hands it to a provider that knows it; anywhere else litellm passes it
through as a field that strict APIs refuse. Where litellm would drop a wish in silence, it is refused here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.errors import UnsupportedError
from harness.dialects.providers import profile

if TYPE_CHECKING:
    from harness.core.chat import Json


def json_options(provider: str, *, wanted: bool, response_format: Json = None, drop: bool = False) -> dict[str, Json]:
    """The options that ask ``provider`` for JSON: ``{}`` where none is asked for.

    ``wanted`` is ``message_return_type="json"``. A ``response_format`` that is given goes out as it is: what a
    provider not listed makes of it, litellm decides (and says so). ``drop`` is litellm's ``drop_params``, the
    caller's word that a wish may go unheard.

    Raises ``UnsupportedError`` for a wish that would be dropped without a word.
    """
    way = profile(provider).json
    if response_format is None:
        if not wanted:
            return {}
        if way == "format":
            return {"format": "json"}
        response_format = {"type": "json_object"}
    kind = response_format.get("type") if isinstance(response_format, dict) else "json_schema"
    if kind == "text" or drop:
        return {"response_format": response_format}
    if way == "none":
        raise UnsupportedError(
            f"litellm can't ask {provider} for JSON; ask in the prompt, or set drop_params=True to go on without",
            provider=provider,
        )
    if way == "schema_only" and kind == "json_object":
        raise UnsupportedError(
            f"{provider} has no JSON mode without a schema, and litellm would send nothing; give response_format a "
            "json_schema, or set drop_params=True to go on without",
            provider=provider,
        )
    return {"response_format": response_format}

"""litellm itself: imported lazily, offline where that is requested, and quiet."""

from __future__ import annotations

import contextlib
import datetime as dt
import gc
import importlib.metadata
import os
import re
import sys
import uuid
from typing import TYPE_CHECKING, Any

from harness.core.errors import UsageError
from harness.dialects.providers import profile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from harness.core.chat import Json


OFFLINE = {
    "LITELLM_OFFLINE_MODE": "true",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",  # 1.106.2 fetches them all the same
    "HF_HUB_OFFLINE": "1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


PROVEN = ("1.106.2", "1.109.1", "1.110.2")
"""The releases of litellm that suites, laws and the committed card were tested with, by ``make litellm-versions``."""


def installed() -> str:
    """The version of the litellm that is installed here, ``""`` for none. litellm is not imported for it."""
    try:
        return importlib.metadata.version("litellm")
    except importlib.metadata.PackageNotFoundError:
        return ""


def unproven(version: str) -> str:
    """A line that warns of a ``version`` newer than all proven ones; ``""`` for any other."""
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", version)
    newest = PROVEN[-1]
    if found is None or tuple(map(int, found.groups())) <= tuple(map(int, newest.split("."))):
        return ""
    return f"litellm {version} is newer than the newest that was proven ({newest}): `harness prove` says what holds"


def load_offline() -> None:
    """Import litellm so that it fetches nothing: neither prices nor tokenizers. No use after its first import.

    It logs a streamed answer once, as a whole: its log of every piece takes a quarter of the time of a stream.
    """
    os.environ.update(OFFLINE)
    if "litellm" not in sys.modules:
        settings: Any = library()
        settings.disable_streaming_logging = True
        gc.freeze()  # half a million objects stay: looking for garbage among them takes longer than most work does


@contextlib.contextmanager
def without_token_counts() -> Iterator[None]:
    """Litellm estimates no token counts: they are never reported as a provider's, and its tokenizer takes 40 MB."""
    settings: Any = library()
    before = settings.disable_token_counter
    settings.disable_token_counter = True
    try:
        yield
    finally:
        settings.disable_token_counter = before


class _LazyEncoding:
    """The tokenizer that litellm hands to the readers of most providers' answers: loaded, with 40 MB, for those alone
    that count with it.
    """

    def __getattr__(self, name: str) -> Any:
        from litellm.litellm_core_utils.default_encoding import encoding  # noqa: PLC0415 - it loads the tokenizer

        return getattr(encoding, name)


def library() -> ModuleType:
    """litellm, as it came but for its advertising and the tokenizer."""
    if "litellm" not in sys.modules:
        # It would fetch lists of its own through whatever tape is open. What else a program requests is its own affair.
        for name, value in OFFLINE.items():
            if name.startswith("LITELLM_"):
                os.environ.setdefault(name, value)
    import litellm  # noqa: PLC0415 - three seconds of CPU, and only for those who call a model

    # It prints advertising to stdout on every error otherwise, into people's JSON.
    litellm.suppress_debug_info = True
    calls: Any = litellm.main
    if not isinstance(vars(calls).get("encoding"), _LazyEncoding):
        calls.encoding = _LazyEncoding()
    return litellm


def library_for(model: str, api_base: Json) -> ModuleType:
    """litellm, made to know ``model``, about which it requests nothing. ``UsageError`` for an unknown provider."""
    litellm, provider = library(), model.partition("/")[0]
    try:
        litellm.get_llm_provider(model, api_base=api_base)
    except litellm.exceptions.BadRequestError:
        raise UsageError(f"litellm knows no provider {provider!r}; models are written as provider/model") from None
    if profile(provider).looks_up_models:
        litellm.model_cost.setdefault(model, {"litellm_provider": provider, "mode": "chat"})
    return litellm


def bedrock_info() -> Any:
    """Litellm's class that knows which API each model of Bedrock is called by."""
    library()
    from litellm.llms.bedrock.common_utils import BedrockModelInfo  # noqa: PLC0415 - as above

    return BedrockModelInfo


def responses_config(provider: str, model: str, api_base: str | None) -> Any:
    """Litellm's configuration for ``model`` over OpenAI's Responses; None where it has none."""
    library()
    from litellm.utils import ProviderConfigManager  # noqa: PLC0415 - as above

    return ProviderConfigManager.get_provider_responses_api_config(provider=provider, model=model, api_base=api_base)


def call_log(arguments: dict[str, Json], logger_fn: Callable[..., None]) -> Json:
    """Litellm's log of a call that is about to be made with ``arguments``: it holds the provider's own text after it.

    litellm takes one that is there already, as its proxy makes it.
    """
    from litellm.litellm_core_utils.rules import Rules  # noqa: PLC0415 - as above
    from litellm.utils import function_setup  # noqa: PLC0415 - as above

    started = dt.datetime.now()  # noqa: DTZ005 - litellm subtracts its own from it
    named = {**arguments, "litellm_call_id": str(uuid.uuid4()), "logger_fn": logger_fn}
    log, _ = function_setup(original_function="completion", rules_obj=Rules(), start_time=started, **named)
    return log

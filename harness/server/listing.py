"""Lists of models, for clients that ask first: made from what is recorded, where the question itself is not."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from harness.core.exchange import Chunk, HttpResponse
from harness.dialects import dialect_at
from harness.dialects.facts import MODEL_LISTS
from harness.server.rules import model_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.core.chat import Json
    from harness.core.exchange import HttpRequest
    from harness.dialects.facts import ModelList
    from harness.server.recording_index import RecordedExchange


def listed(request: HttpRequest, recorded: Sequence[RecordedExchange]) -> HttpResponse | None:
    """The list that ``request`` asks for, of the models that recordings were made of; None if it asks for none."""
    path = urlsplit(request.url).path
    if request.method != "GET":
        return None
    kind = next((kind for kind in MODEL_LISTS if re.search(kind.path, path)), None)
    return None if kind is None else _json(kind.body(_models(recorded, kind)))


def _models(recorded: Sequence[RecordedExchange], kind: ModelList) -> list[str]:
    asked = (one.exchange.request for one in recorded)
    spoken = ((dialect_at(one.url), one) for one in asked)
    return sorted({model_of(one) for dialect, one in spoken if dialect and dialect.facts.models is kind} - {""})


def _json(value: Json) -> HttpResponse:
    return HttpResponse(200, (("content-type", "application/json"),), (Chunk(json.dumps(value).encode()),))

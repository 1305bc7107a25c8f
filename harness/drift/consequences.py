"""Everything that can differ between two recordings, and how grave it is: one explicit table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.core.change import Change

if TYPE_CHECKING:
    from harness.core.change import Grade
    from harness.core.chat import Json


@dataclass(frozen=True, slots=True)
class Consequence:
    """``what`` is the stable word of a change, ``means`` what a caller notices of it."""

    what: str
    grade: Grade
    means: str


CONSEQUENCES: tuple[Consequence, ...] = (
    Consequence("exchanges", "contract", "there are more or fewer exchanges"),
    Consequence("request", "contract", "another question was asked: a replay would miss"),
    Consequence("failure", "contract", "the connection fails otherwise, or where it did not"),
    Consequence(
        "status", "contract", "another HTTP status: another error class, or an error where there was an answer"
    ),
    Consequence("error", "contract", "the error's own type or code is another"),
    Consequence("unreadable", "contract", "the answer is no longer one in its dialect, or is one now"),
    Consequence("empty", "contract", "an answer without text, calls or refusal, where there was one; or the reverse"),
    Consequence("called", "contract", "text where there was a call, or a call where there was text"),
    Consequence("calls", "contract", "other calls: their number, order, names or parameters"),
    Consequence("call_errors", "contract", "calls that can't be read, where they could; or the reverse"),
    Consequence("ran", "contract", "the provider ran other tools itself: their number, order or names"),
    Consequence("finish", "contract", "another finish reason"),
    Consequence("refusal", "contract", "the model refuses, or no longer does"),
    Consequence("json", "contract", "JSON was asked for, and the text is no longer JSON; or is now"),
    Consequence("tool_gone", "contract", "a tool of an MCP server is gone"),
    Consequence("schema_narrowed", "contract", "a tool of an MCP server takes less than it did"),
    Consequence("tool_error", "contract", "an MCP server answers with an error, or with another one; or no longer"),
    Consequence("schema_widened", "shape", "a tool of an MCP server takes more than it did"),
    Consequence("output_schema", "shape", "a tool of an MCP server says otherwise what it returns"),
    Consequence("field_gone", "shape", "a field of the body is no longer there"),
    Consequence("field_new", "shape", "a field of the body is new"),
    Consequence("field_type", "shape", "a field of the body has another type"),
    Consequence("event", "shape", "a kind of event of a stream came or went"),
    Consequence("chunking", "shape", "a stream comes all at once, or in pieces where it did not"),
    Consequence("header", "shape", "a recorded header came, went, or says another media type"),
    Consequence("usage", "shape", "token counts came or went"),
    Consequence("not_json", "shape", "a body that was JSON no longer is; or the reverse"),
    Consequence("raw_finish", "shape", "the provider's own word for the same finish is another"),
    Consequence("tool_new", "cosmetic", "an MCP server offers one tool more"),
    Consequence("tool_text", "cosmetic", "other words about a tool of an MCP server"),
    Consequence("text", "cosmetic", "other wording, of the answer, its reasoning or an error"),
    Consequence("ran_with", "cosmetic", "what the provider ran itself was given, or gave, something else"),
    Consequence("value", "cosmetic", "ids, times, the model's name, counts: another value in the same place"),
)
"""In the order in which changes are told."""

GRADE_OF: dict[str, Grade] = {one.what: one.grade for one in CONSEQUENCES}


def graded(what: str, path: str, before: Json, after: Json, message: str) -> Change:
    """A change of the kind ``what``, with the grade that the table gives it."""
    return Change(GRADE_OF[what], what, path, before, after, message)

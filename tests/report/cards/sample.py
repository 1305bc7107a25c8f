"""Two believable cards, their evidence the project's own recordings, and a catalogue for them."""

from __future__ import annotations

import functools
import json
from pathlib import Path

from harness.cassette import load
from harness.core.card import Card, Cell, Rate, rate
from harness.core.change import Change
from harness.core.exchange import Chunk, Exchange, Failure, HttpRequest, HttpResponse, Provenance
from harness.core.finding import Evidence, Finding

ROOT = Path(__file__).parent.parent.parent.parent
WIRES = ("openai", "anthropic")

CATALOGUE = {
    "N1": ("legal", "Names", "Every tool name sent fully matches the provider's rule."),
    "N2": ("injective", "Names", "Within one request, different tools have different names on the wire."),
    "N3": ("identity", "Names", "A name that is legal already, and collides with nothing, goes out unchanged."),
    "N4": ("round trip", "Names", "The decoded name equals the tool's own name, for every set of offered tools."),
    "N9": ("unknown", "Names", "A call to a tool that was not offered is an error that names it."),
    "D1": ("single", "Decoding", "Exactly one call, its name right, its parameters an object that fits the schema."),
    "D2": ("parallel", "Decoding", "All calls come, in order, with ids that are present and distinct."),
    "D6": ("text in arguments", "Decoding", "Unicode, escapes and markers inside a string survive."),
    "D9": ("call as text", "Decoding", "Content that is wholly a JSON call is decoded when tools were offered."),
    "D13": ("ids", "Decoding", "Ids are kept when present, and made when absent, the same on each replay."),
    "S1": ("whole = streamed", "Streaming", "Calls, content and finish reason are equal."),
    "S2": ("any split", "Streaming", "Every way to cut the bytes gives the same result."),
    "S6": ("cut short", "Streaming", "A stream that ends early is an error that says so, and gives no half call."),
    "S7": ("usage", "Streaming", "Token counts arrive when asked for."),
    "C1": ("auto", "Choice", "The model may call a tool, or not."),
    "C3": ("required", "Choice", "There is at least one call."),
    "C6": ("schema accuracy", "Choice", "Of all calls, 0.98 are valid."),
    "J1": ("JSON", "JSON", "JSON mode gives one JSON value."),
    "J2": ("JSON with a schema", "JSON", "The value fits the schema that was given."),
    "T1": ("result used", "Turns", "The final answer holds a token that stands only in the tool's result."),
    "E1": ("classes", "Errors", "Each status raises the right error, with Retry-After kept."),
    "H1": ("no connection", "The harness itself", "A replay makes no connection but to the loopback."),
    "H5": ("clean", "The harness itself", "There is no secret in the file."),
}
PLACES = {
    "Names": "names/slash",
    "Decoding": "streaming/call",
    "Streaming": "streaming/unicode",
    "Choice": "conversation/streamed",
    "JSON": "json/with-a-schema",
    "Turns": "conversation/result-goes-back",
    "Errors": "errors/wrong-key",
    "The harness itself": "text/greeting",
}


def path(case: str, wire: str) -> str:
    return f"cassettes/{case}/{wire}+smollm2-135m.json"


@functools.cache
def cassette(where: str):
    return load(ROOT / where)


def exchange(where: str, index: int) -> Exchange | None:
    """The loader that pages are handed."""
    if not (ROOT / where).is_file():
        return None
    exchanges = cassette(where).exchanges
    return exchanges[index] if index < len(exchanges) else None


def finding(check: str, verdict: str, message: str, place: Evidence, where: str = "turn 0") -> Finding:
    return Finding(check, verdict, message, where, place)


def cell(check: str, mode: str, wire: str) -> Cell:
    place = Evidence(path(PLACES[CATALOGUE[check][1]], wire), (0,))
    whole = rate(5, 5)
    match check, mode, wire:
        case "D1", _, _:
            said = "the arguments are no object of the schema: 'city' is missing"
            return Cell(
                check, mode, "fail", rate(3, 5), findings=(finding(check, "fail", said, place, "turn 0.calls[0]"),)
            )
        case "D9", _, "openai":
            said = "the call came as text inside <tool_call> markers; the backend decoded it all the same"
            return Cell(check, mode, "quirk", whole, findings=(finding(check, "quirk", said, place, "turn 0.text"),))
        case "S7", "stream", "openai":
            said = "token counts came in a last chunk without choices, after the finish reason"
            return Cell(check, mode, "quirk", whole, findings=(finding(check, "quirk", said, place, "turn 0.usage"),))
        case "S7", "stream", "anthropic":
            said = "429 on two of five answers, kept out of the rate"
            return Cell(check, mode, "infra", rate(0, 0), 2, findings=(finding(check, "infra", said, place),))
        case "J1", _, "anthropic":
            said = "400: response_format is not offered on this wire"
            return Cell(check, mode, "unsupported", rate(0, 0), 0, 5, (finding(check, "unsupported", said, place),))
        case "D2", _, _:
            return Cell(check, mode, "unseen", rate(0, 0), note="no recording holds two calls in one answer")
        case "C3", "whole", _:
            said = "tool_choice was required, and the answer holds text alone"
            return Cell(check, mode, "fail", rate(1, 5), findings=(finding(check, "fail", said, place),))
    return Cell(check, mode, "pass", rate(49, 50) if check == "C6" else whole, evidence=(place,))


def modes(check: str) -> tuple[str, ...]:
    if check[0] == "H" or check in {"S1", "S2"}:
        return ("",)
    return ("stream",) if check[0] == "S" else ("whole", "stream")


def card(wire: str) -> Card:
    cells = tuple(cell(check, mode, wire) for check in CATALOGUE for mode in modes(check))
    cited = {path(case, wire): cassette(path(case, wire)).provenance for case in PLACES.values()}
    measures = {"trigger_f1": rate(41, 50), "schema_accuracy": rate(49, 50), "pass^5": Rate(12, 20, 0.387, 0.781)}
    return Card(
        f"{wire}/smollm2-135m",
        wire,
        cells,
        cited,
        measures,
        {"card-choice/required": ("tool_calls", "stop")},
        "0.1.0",
        "1.109.1",
    )


CARDS = tuple(map(card, WIRES))
CHANGES = {
    "openai/smollm2-135m": (
        Change(
            "contract",
            "calls",
            "D1.stream.turn 0.calls[0].parameters",
            [{"name": "weather/get", "parameters": {"city": "Oslo", "days": 3}}],
            [{"name": "weather/get", "parameters": {}}],
            "the arguments of a decoded call are gone",
            (Evidence(path("streaming/call", "openai"), (0,)),),
        ),
        Change("cosmetic", "text", "S1.turn 0.text", "Hello there!", "Hello!", "the wording differs"),
    ),
    "anthropic/smollm2-135m": (
        Change("shape", "usage", "S7.stream", None, {"prompt": 12, "completion": 7}, "token counts came that did not"),
    ),
}


def many(number: int) -> tuple[Card, ...]:
    """As many cards, of models with long names."""
    return tuple(
        Card(f"provider-{at % 7}/a-model-with-a-long-name-{at}", f"provider-{at % 7}", one.cells, one.recordings)
        for at in range(number)
        for one in (CARDS[at % 2],)
    )


HOSTILE = (
    "\x1b[2J\x1b[31mpwn",
    "\x1b]8;;http://pwn.example\x1b\\pwn\x1b]8;;\x1b\\",
    "a\u202epwn\u2066c",
    "one\u2028pwn\u2029three",
    "\x00\x08\x7fpwn\ufffe\ud800",
    "::set-output name=pwn::y\n::error::pwn",
    "##[group]pwn\n##vso[task.setvariable variable=x]pwn",
    "<script>window.__pwned = 1</script>",
    "</script><script>window.__pwned = 'pwn'</script><!--<script>",
    "--> ]]> </title></textarea></style><img src=http://pwn.example/x onerror=window.__pwned=1>",
    "<svg onload=window.__pwned=1><a href='javascript:window.__pwned=1'>pwn</a></svg>",
    "\"' onmouseover=window.__pwned=1 style=background:url(http://pwn.example)",
    "[pwn](javascript:window.__pwned=1) ![pwn](http://pwn.example/x) <http://pwn.example>",
    "`pwn` ``pwn`` | pwn | \\| ~~~\n```\n# pwn\n* @pwn #1 https://pwn.example www.pwn.example",
    "{{ pwn }} {% pwn %} $`pwn`$ &lt;script&gt;pwn &#60;",
    "[bold red]pwn[/bold red] [link=http://pwn.example]pwn[/link]",
    "=cmd|' /C pwn'!A0",
)
OFTEN = "__proto__"
"""A word that must be no more than a word to a script."""


def hostile(text: str) -> tuple[tuple[Card, ...], dict[str, tuple[str, str, str]]]:
    """A card that has ``text`` wherever text can stand, and a catalogue."""
    place = Evidence(f"cassettes/{text}.json", (0, 1))
    found = tuple(Finding(text, verdict, text, text, place) for verdict in ("fail", "quirk", "infra"))
    cells = tuple(
        Cell(check, mode, verdict, rate(1, 2), 1, 1, found, (place,), text)
        for check, mode, verdict in (
            (text, "whole", "fail"),
            ("D1", "stream", "quirk"),
            (OFTEN, "", "unsupported"),
            ("constructor", "", "pass"),
        )
    )
    where = Provenance("imported", text, text, text, text)
    one = Card(
        text, text, cells, {place.cassette: where, OFTEN: where}, {text: rate(1, 2)}, {text: (text,)}, text, text
    )
    return (one, Card(OFTEN, "", cells)), {text: (text, text, text), "D1": ("single", text, text)}


def hostile_exchange(text: str) -> Exchange:
    """An exchange that has ``text`` in its address, headers, bodies and all that it decodes to."""
    call = {"id": text, "type": "function", "function": {"name": text, "arguments": json.dumps({text: text})}}
    broken = {"id": "x", "type": "function", "function": {"name": text, "arguments": text}}
    message = {"role": "assistant", "content": text, "reasoning_content": text, "tool_calls": [call, broken]}
    answer = {"id": text, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    raw = (text.encode(errors="surrogatepass"), json.dumps(answer).encode())
    asked = HttpRequest("POST", f"http://127.0.0.1/v1/chat/completions?{text}", (("x", text), (text, "y")), raw[0])
    came = HttpResponse(200, (("content-type", text),), (Chunk(raw[1]),))
    return Exchange(asked, came, Failure("reset", text))


def hostile_changes(text: str) -> dict[str, tuple[Change, ...]]:
    place = (Evidence(f"cassettes/{text}.json", (0,)),)
    return {text: (Change("contract", text, text, text, {text: [text]}, text, place),)}


def obeys(text: str) -> bool:
    """Whether a CI system would take a line for a command, as GitHub, Azure and TeamCity do."""
    return any(
        one.lstrip().startswith("::") or "##[" in one or "##vso[" in one or "##team" in one for one in text.splitlines()
    )

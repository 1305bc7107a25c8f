"""Profiles of providers' answers: what is drawn by one shows its quirks at its rates; bad files are one sentence."""

import json
import re
from dataclasses import replace
from random import Random

import pytest

from harness.core.card import rate
from harness.core.chat import Reply, ToolCall
from harness.core.errors import UsageError
from harness.core.exchange import Chunk, Exchange, HttpRequest
from harness.dialects import DIALECTS
from harness.dialects.chat_request import ChatRequest
from harness.dialects.registry import read_chat_request
from harness.dialects.wire_profile import SHIPPED, Miner, Miners, form_of, load, new_id, profiles_at, save
from harness.strategies.chat import reply_like

NAMES = sorted(file.stem for file in SHIPPED.glob("*.json"))
OFFERED = ChatRequest(tools=({},))


def mined(profile, number):
    """The profile of ``number`` answers a mode that were drawn by ``profile``, by the miner that made it."""
    miner, rng = Miner(profile.provider, profile.dialect), Random(7)
    for stream in (False, True):
        for _ in range(number):
            reply = reply_like(profile, rng, ["get_x", "get_y"], stream=stream)
            quirks = profile.quirks_for(rng, reply, stream=stream)
            assert miner.add(DIALECTS[profile.dialect].render(reply, stream=stream, quirks=quirks), OFFERED)
    return miner.profile()


def outside(profile, number):
    """The rates of what is drawn that lie outside a binomial interval (of four deviations) around the profile's."""
    made, wrong, judged = mined(profile, number), [], 0
    assert made.shown() <= profile.shown(), f"{profile.name} never saw {made.shown() - profile.shown()}"
    for stream, mode in ((False, "whole"), (True, "stream")):
        for what in ("quirks", "replies"):
            wanted, found = profile.rates(what, stream=stream), getattr(made, what)[mode]
            for name in wanted.keys() & found.keys():
                judged += 1
                interval = rate(found[name].shown, found[name].eligible, z=4)
                if not interval.low - 1e-9 <= wanted[name].share <= interval.high + 1e-9:
                    wrong.append((profile.name, mode, name, wanted[name], found[name]))
    assert judged
    return wrong


def test_there_are_profiles_of_fifteen_providers():
    found = [load(SHIPPED / f"{name}.json") for name in NAMES]
    assert [one.name for one in found] == NAMES
    assert len({one.provider for one in found}) >= 15
    assert all(sum(one.answers.values()) == sum(one.sources.values()) >= 5 for one in found)


@pytest.mark.parametrize("name", ["groq.openai", "openai.openai_responses", "bedrock.bedrock", "gemini.gemini"])
def test_what_is_drawn_shows_the_quirks_at_their_rates(name):
    assert outside(load(SHIPPED / f"{name}.json"), 30) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_what_is_drawn_by_every_profile_shows_its_quirks_at_their_rates(name):
    assert outside(load(SHIPPED / f"{name}.json"), 300) == []


def test_a_profile_that_is_not_followed_is_found_out():
    profile = load(SHIPPED / "groq.openai.json")
    made = mined(profile, 20)
    plain = Miner("groq", "openai")
    for _ in range(20):
        plain.add(DIALECTS["openai"].render(Reply("hi", finish="stop")), OFFERED)
    assert made.quirks["whole"]["plain"].share == 1
    assert plain.profile().quirks["whole"]["plain"].share == 0


FORMS = {
    "call_" + "aB3dE6gH9jK2mN5pQ8rS1tU4": "call_[A-Za-z0-9]{24}",
    "toolu_vrtx_" + "aB3dE6gH9jK2mN5pQ8rS1tU4": "toolu_vrtx_[A-Za-z0-9]{24}",
    "chatcmpl-tool-0123456789abcdef0123456789abcdef": "chatcmpl-tool-[0-9a-f]{32}",
    "6a1b2c3d-0123-4567-89ab-0123456789ab": "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "functions.get_weather:0": "functions.<name>:[0-9]{1}",
    "get_weather_7": "[A-Za-z0-9_-]{13}",
    "a b/é": "[!-~]{5}",
    "call_": "call_",
}


@pytest.mark.parametrize("given", FORMS)
def test_an_id_has_a_form_without_its_text_and_a_new_one_has_the_same(given):
    assert form_of(given) == FORMS[given]
    made = new_id(FORMS[given], Random(1), "get_weather", 0)
    assert len(made) == len(given)
    assert re.sub(r"\[.*?\]", "", form_of(made)) == re.sub(r"\[.*?\]", "", FORMS[given])


def exchange(reply, **asked):
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "secret words"}], **asked}).encode()
    request = HttpRequest("POST", "https://api.openai.com/v1/chat/completions", (), body)
    return Exchange(request, DIALECTS["openai"].render(reply))


def test_a_profile_holds_counts_and_no_text(tmp_path):
    call = ToolCall("secret_tool", {"city": "Secretville"}, "call_s3cr3tS3cr3tS3cr3tS3cr3t")
    one = exchange(Reply("secret", (call,), finish="tool_calls"))
    miners = Miners()
    miners.add(one, read_chat_request(one.request), "a.json#0", "somebody, MIT")
    (file,) = save(miners.profiles(), tmp_path)
    text = file.read_text()
    assert file.name == "openai.openai.json"
    assert not [word for word in ("secret", "Secret", "s3cr3t", "city") if word in text]
    profile = load(file)
    assert profile.replies["whole"]["text_beside_calls"] == (1, 1, "a.json#0")
    assert profile.ids == {"whole": {"call_[A-Za-z0-9]{24}": 1}}
    assert profile.sources == {"somebody, MIT": 1}


GOOD = json.loads((SHIPPED / "groq.openai.json").read_text())
DAMAGED = {
    "{": "x.json is no profile: Expecting",
    "[1]": "x.json is no profile: the document: Input should be",
    json.dumps({**GOOD, "format": 2}): "x.json is a profile of format 2, and format 1 is read here; mine it again",
    json.dumps({**GOOD, "dialect": "toy"}): "x.json is of the dialect 'toy', of which no answers are drawn",
    json.dumps(
        {**GOOD, "dialect": "ollama"}
    ): "x.json: ollama has no quirk arguments_empty_string, arguments_missing, arguments_null and others",
    json.dumps(
        {**GOOD, "quirks": {"whole": {"plain": [3, 1, ""]}}}
    ): "x.json is no profile: quirks: Value error, whole plain was shown more often than it could be",
    json.dumps({**GOOD, "ids": {"whole": {"call_": -1}}}): "x.json is no profile: ids.whole.call_",
    json.dumps(
        {**GOOD, "ids": {"whole": {"[z-]{3}": 1}}}
    ): "x.json is no profile: ids: Value error, '[z-]{3}' is no form of ids",
    json.dumps(
        {**GOOD, "ids": {"whole": {"[evil": 1}}}
    ): "'[evil' is no form of ids; write one as call_[A-Za-z0-9]{24}",
    json.dumps({**GOOD, "more": 1}): "x.json is no profile: more: Extra inputs",
    "{}": "x.json is no profile: format: Field required",
}


@pytest.mark.parametrize("text", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_profile_is_one_sentence(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(UsageError) as told:
        load(tmp_path / "x.json")
    assert DAMAGED[text] in str(told.value)
    assert "\n" not in str(told.value)


def test_an_empty_folder_and_an_unknown_name_are_one_sentence(tmp_path):
    with pytest.raises(UsageError, match="holds no profile; harness card --from RECORDINGS --profiles"):
        profiles_at(str(tmp_path))
    with pytest.raises(UsageError, match="no file, no folder, and no provider with a profile; there are anthropic"):
        profiles_at("nobody")
    assert [one.name for one in profiles_at("openai")] == ["openai.openai", "openai.openai_responses"]
    assert [one.name for one in profiles_at("openai.openai_responses")] == ["openai.openai_responses"]


@pytest.mark.parametrize(
    ("where", "number", "told"),
    [("stop", 0, "never counted"), ("stop", 10**400, "less than or equal"), ("ids", 10**400, "less than or equal")],
    ids=["zero", "huge", "huge ids"],
)
def test_a_profile_with_counts_that_nothing_can_be_drawn_by_is_one_sentence(tmp_path, where, number, told):
    document = json.loads((SHIPPED / "groq.openai.json").read_text(encoding="utf-8"))
    if where == "ids":
        document["ids"] = {"whole": {"call_[0-9]{4}": number}}
    else:
        document["finishes"][where] = number
    path = tmp_path / "odd.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(UsageError, match=told):
        load(path)


UNUSUAL_ANSWERS = [
    ("openai", "id", ["a"]),
    ("openai", "finish_reason", [1]),
    ("ollama", "done_reason", 1),
    ("cohere", "delta", 1.5),
    ("anthropic", "partial_json", [1]),
]


@pytest.mark.parametrize(
    ("dialect", "key", "odd"), UNUSUAL_ANSWERS, ids=[f"{one[0]}-{one[1]}" for one in UNUSUAL_ANSWERS]
)
@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_with_odd_kinds_in_it_never_stops_the_mining(dialect, key, odd, stream):
    def swap(value):
        if isinstance(value, dict):
            return {name: odd if name == key else swap(one) for name, one in value.items()}
        return [swap(one) for one in value] if isinstance(value, list) else value

    calls = (ToolCall("get_x", {"city": "Paris"}, "call_1"), ToolCall("get_x", {"city": "Rome"}, "call_2"))
    response = DIALECTS[dialect].render(Reply(calls=calls, finish="tool_calls"), stream=stream)
    lines = response.body.decode().split("\n")
    head = [line[: line.find("{")] if "{" in line else line for line in lines]
    made = [
        before + json.dumps(swap(json.loads(line[len(before) :]))) if line != before else line
        for before, line in zip(head, lines, strict=True)
    ]
    miner = Miner("p", dialect)
    miner.add(replace(response, chunks=(Chunk("\n".join(made).encode(), 0.0),)), OFFERED)
    miner.profile()

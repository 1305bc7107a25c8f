"""Each law on its own: what it lets pass, and the words in which it complains."""

from __future__ import annotations

import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.checks.json_equality import copied, same, snapshot
from harness.core.chat import CallError, Reply, ToolCall, Usage
from harness.core.errors import DuplicateToolError, StreamCutError, ToolCallError
from harness.core.exchange import HttpRequest, HttpResponse
from harness.dialects.dialect import Mentions
from harness.laws import ALL_LAWS, BY_ID, History, Question, Turn, aask, bare, run_trial
from harness.laws.bare import BLIND, complete
from harness.laws.question import served

A, B = ToolCall("a/b", {"x": 1}, "call_1"), ToolCall("get_x", {}, "call_2")
BOTH = Reply(text="so", calls=(A, B), finish="tool_calls", usage=Usage(1, 2, 3))
ASKED = Question("openai", ("a/b", "get_x"), BOTH)


def trial(question=ASKED, *, error=None, mentions=None, untouched=True, **changed):
    """A trial in which all went well, but for what is ``changed`` in the reply."""
    right = run_trial(question, complete)
    drawn = right.reply if question.kind == "plain" else question.reply
    reply = None if error else replace(drawn, **changed)
    requests = right.requests or (HttpRequest("POST", "http://provider.test/", (), b"{}"),)
    changes = {"mentions": mentions or right.mentions, "untouched": untouched, "requests": requests}
    return replace(right, reply=reply, error=error, memo={}, **changes)


def complaint(law, *given, **changed):
    return BY_ID[law].judge(trial(*given, **changed))


def test_nothing_is_wrong_with_a_right_trial():
    assert [(law.id, said) for law in ALL_LAWS if (said := law.judge(trial()))] == []


@pytest.mark.parametrize(
    ("law", "changed", "told"),
    [
        ("N1", {"mentions": Mentions(tools=("a/b", "get_x"))}, "sent ['a/b'], which openai refuses"),
        ("N2", {"mentions": Mentions(tools=("a__b", "a__b"))}, "two tools are both sent as ['a__b']"),
        ("N3", {"mentions": Mentions(tools=("a__b", "get_x2"))}, "'get_x' is legal and free, but went out as 'get_x2'"),
        ("N3", {"mentions": Mentions(tools=("a_b", "get_x"))}, "'a/b' went out as 'a_b', not as 'a__b'"),
        ("N4", {"calls": (replace(A, name="a__b"), B)}, "call 0 was to 'a/b', came back as 'a__b'"),
        ("N7", {"untouched": False}, "the caller's own data was changed"),
        ("D2", {"calls": (A,)}, "2 calls made, 1 came back: ['a/b']"),
        ("D2", {"calls": (B, A)}, "calls to ['a/b', 'get_x'] came back in another order"),
        ("D2", {"error": ToolCallError((), (), "")}, 'raised "ToolCallError'),
        (
            "D4",
            {"calls": (A, replace(B, parameters={"a": 1}))},
            "call 1 ('get_x') at $.a was nothing, came back as 1",
        ),
        ("D5", {"calls": (replace(A, parameters={"x": True}), B)}, "call 0 ('a/b') at $.x was 1, came back as True"),
        ("D5", {"calls": (replace(A, parameters={"x": 1.0}), B)}, "came back as 1.0"),
        ("D7", {"text": ""}, "the text was 'so', came back as ''"),
        ("D13", {"calls": (A, replace(B, id=""))}, "ids are missing or doubled"),
        ("D13", {"calls": (A, replace(B, id="call_1"))}, "ids are missing or doubled"),
        ("D13", {"calls": (A, replace(B, id="mine"))}, "the provider gave the id 'call_2', 'mine' came back"),
        ("D11", {"text": "so</tool_call>"}, "format markers ['</tool_call>'] appeared"),
        ("S5", {"finish": "stop"}, "the finish reason was 'tool_calls', came back as 'stop'"),
        ("S7", {"usage": None}, "were sent, none came back"),
        ("S7", {"usage": Usage(2, 1, 3)}, "came back as"),
        ("S7", {"usage": Usage(prompt=True, completion=2, total=3)}, "came back as"),
        ("S7", {"usage": Usage(1, 2.0, 3)}, "came back as"),
    ],
)
def test_what_is_wrong_is_told(law, changed, told):
    said = complaint(law, **changed)
    assert said is not None
    assert told in said


CUT = replace(ASKED, kind="cut", stream=True, cut_at=0.5)
BROKEN = CallError("arguments", "", '{"x": ', "get_x", "call_9", 1)
BAD = replace(ASKED, kind="broken", reply=replace(BOTH, calls=(A,), errors=(BROKEN,)))
STRANGE = replace(ASKED, kind="unknown", reply=replace(BOTH, calls=(A, ToolCall("nobody", {}, "call_9"))))
WRITTEN = replace(
    ASKED,
    kind="written",
    reply=Reply(text=json.dumps({"name": "get_x", "arguments": {}}), calls=(B,), finish="stop", usage=Usage(1, 2, 3)),
)
PROSE = replace(WRITTEN, kind="prose", reply=replace(WRITTEN.reply, text="Sure: {}", calls=()))
DOUBLED = replace(ASKED, kind="doubled")
PAST = replace(ASKED, provider="mistral", turns=(Turn(calls=(History("a/b", "functions.x:0"),)),))


@pytest.mark.parametrize(
    ("law", "question", "changed", "told"),
    [
        ("S6", CUT, {"error": StreamCutError("cut", None)}, ""),
        ("S6", CUT, {"error": StreamCutError("cut", Reply(calls=(replace(A, parameters={}),)))}, "a cut stream gave"),
        ("S6", CUT, {"error": StreamCutError("cut", Reply(calls=(A,)))}, ""),
        (
            "S6",
            CUT,
            {"error": StreamCutError("cut", Reply(calls=(replace(A, parameters={"x": True}),)))},
            "a cut stream",
        ),
        ("S6", CUT, {"calls": (A,)}, "and nothing was raised"),
        ("S6", CUT, {"calls": (replace(A, parameters={"x": 1.0}), B)}, "and nothing was raised"),
        ("S6", CUT, {"error": KeyError("x")}, "crashed: KeyError('x')"),
        ("D10", BAD, {}, ""),
        ("D10", BAD, {"errors": ()}, "'{\"x\": ' was sent for arguments; the errors hold []"),
        ("D10", BAD, {"errors": (replace(BROKEN, raw=""),)}, "was sent for arguments"),
        ("D10", BAD, {"errors": (replace(BROKEN, index=0),)}, "call 1 is at fault (arguments), named is call 0"),
        ("D10", BAD, {"errors": (replace(BROKEN, index=True),)}, "call 1 is at fault (arguments), named is call True"),
        ("D10", BAD, {"calls": ()}, "beside a broken call: 1 call made, 0 came back"),
        ("D10", BAD, {"error": json.JSONDecodeError("x", "", 0)}, "crashed: JSONDecodeError"),
        ("D10", BAD, {"error": ToolCallError((BROKEN,), (A,), "so")}, ""),
        ("N9", STRANGE, {}, "calls to ['nobody'] were handed on"),
        ("N9", STRANGE, {"calls": (A,)}, "errors name [], not ['nobody']"),
        ("N9", STRANGE, {"calls": (A,), "errors": (replace(BROKEN, name="nobody", index=1),)}, ""),
        (
            "N9",
            STRANGE,
            {"calls": (), "errors": (replace(BROKEN, name="nobody"),)},
            "beside a call to a tool that was not",
        ),
        ("D9", WRITTEN, {"text": ""}, ""),
        ("D9", WRITTEN, {"calls": ()}, "the text was a call, wholly"),
        ("D9", PROSE, {}, ""),
        ("D9", PROSE, {"calls": (B,)}, "the text is no call"),
        ("D9", PROSE, {"text": ""}, "the text was 'Sure: {}', came back as ''"),
        ("N8", DOUBLED, {"error": DuplicateToolError(["a/b"])}, "two tools called 'a/b' were sent to the provider"),
        (
            "T5",
            PAST,
            {"mentions": Mentions(call_ids=("functions.x:0",), result_ids=("functions.x:0",), calls=("a__b",))},
            "which mistral refuses",
        ),
        (
            "T5",
            PAST,
            {"mentions": Mentions(call_ids=("abcdefghi",), result_ids=("xbcdefghi",), calls=("a__b",))},
            "results answer the ids",
        ),
        ("T5", PAST, {"mentions": Mentions(call_ids=("abcdefghi",), result_ids=("abcdefghi",), calls=("a__b",))}, ""),
        (
            "N5",
            replace(ASKED, choice="a/b"),
            {"mentions": Mentions(tools=("a__b", "get_x"), choice="a/b")},
            "tool_choice names 'a/b', the tool is sent as 'a__b'",
        ),
        (
            "N5",
            PAST,
            {"mentions": Mentions(tools=("a__b", "get_x"), calls=("get_x",))},
            "an earlier call names 'get_x', the tool is sent as 'a__b'",
        ),
    ],
)
def test_kinds_of_question_are_judged_by_their_own_laws(law, question, changed, told):
    said = complaint(law, question, **changed)
    assert said is not None
    assert told in said if told else said == ""


def test_a_law_that_does_not_apply_says_nothing():
    for law, question in (
        ("S6", ASKED),
        ("D10", ASKED),
        ("N9", ASKED),
        ("N8", ASKED),
        ("D1", ASKED),
        ("D3", ASKED),
        ("T5", ASKED),
    ):
        assert complaint(law, question) is None


def test_two_at_once_are_judged_together():
    beside = trial(replace(ASKED, tools=("a__b",), reply=replace(BOTH, calls=(replace(A, name="a__b"),))))
    right = replace(trial(), beside=(beside,))
    assert BY_ID["N6"].judge(right) == ""
    mixed = replace(right, beside=(replace(beside, reply=replace(beside.reply, calls=(A,)), memo={}),))
    assert "asked at the same time as 1 other: call 0 was to 'a__b'" in BY_ID["N6"].judge(mixed)


def test_ids_that_are_made_must_come_again():
    gemini = replace(ASKED, provider="gemini")
    first = replace(trial(gemini, calls=(A, B)), memo={}, again=replace(BOTH, calls=(replace(A, id="other"), B)))
    assert "the same answer was given the ids ['call_1', 'call_2'], and then ['other', 'call_2']" in BY_ID["D13"].judge(
        first
    )


def test_equality_is_exact():
    assert same({"a": [1, None]}, {"a": [1, None]})
    pairs = (
        (1, True),
        (1, 1.0),
        (0.0, -0.0),
        (None, False),
        ("é", "e\u0301"),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ([], {}),
    )
    assert [pair for pair in pairs if same(*pair)] == []


def test_what_a_backend_returns_and_raises_is_part_of_the_trial():
    def crashes(*given, **options):
        raise KeyError("choices")

    async def awaited(*given, **options):
        return "text"

    assert isinstance(run_trial(ASKED, crashes).error, KeyError)
    assert "a backend returns a Reply, not 'text'" in str(aask(ASKED, awaited).error)


def test_a_backend_that_changes_what_it_was_given_is_seen():
    def changes(model, messages, *, tools=None, **options):
        tools[0]["function"]["name"] = "other"
        messages.append({})
        return BOTH

    assert run_trial(ASKED, changes).untouched is False


def test_bare_trials_are_judged_by_the_laws_they_can_break():
    right = run_trial(ASKED, complete)
    assert [law.id for law in ALL_LAWS if law.id not in BLIND and law.judge(right)] == []
    assert BY_ID["N8"].judge(run_trial(DOUBLED, complete)) == ""
    assert right.mentions.tools == ("a__b", "get_x")


SPOKEN = replace(
    ASKED,
    system=("Be brief.",),
    turns=(Turn("Hi", "I look.", (History("get_x", "call_0", {"x": 1.0}, "42 "),)),),
    details=(("First.", {"type": "object", "properties": {"x": {"type": "integer"}}}), ("Second.", {"type": "object"})),
    options={"temperature": 0, "max_tokens": 16, "parallel_tool_calls": False},
    marks=({"strict": True}, {}),
    word="required",
)
NARROWED = replace(SPOKEN, options={}, allowed=SPOKEN.tools[:1])


def asked_otherwise(change, question=SPOKEN):
    """``question`` as a backend asks it that changes what it was given."""

    def spoiled(model, messages, *, tools=None, stream=False, **options):
        given = {"messages": messages, "tools": tools, "options": options}
        made = json.loads(json.dumps(given))
        change(made)
        options = made["options"]
        return complete(model, made["messages"], tools=made["tools"], stream=stream, **options)

    return run_trial(question, spoiled)


def test_a_choice_of_allowed_tools_goes_out_narrowed_or_is_refused():
    assert NARROWED.allowed
    assert BY_ID["Q3"].judge(asked_otherwise(lambda _: None, NARROWED)) == ""
    wide = asked_otherwise(lambda made: made["options"].update(tool_choice="required"), NARROWED)
    assert BY_ID["Q3"].judge(wide) == "the choice is narrowed to ['a__b'], [] were sent"
    assert run_trial(replace(NARROWED, provider="groq"), complete).declined


@pytest.mark.parametrize(
    ("law", "change", "words"),
    [
        ("Q1", lambda made: made["messages"].pop(0), "1 system prompt given, 0 went out"),
        ("Q1", lambda made: made["messages"][1].update(content="Hi "), "message 0 at $[1] was 'Hi', went out as 'Hi '"),
        ("Q1", lambda made: made["messages"].append({"role": "user", "content": "x"}), "message 2 at $[1] was"),
        ("Q2", lambda made: made["tools"].pop(), "2 tools offered, 1 sent"),
        (
            "Q2",
            lambda made: made["tools"][0]["function"].update(description="?"),
            "the description of 'a/b' was 'First.'",
        ),
        (
            "Q2",
            lambda made: made["tools"][0]["function"].update(parameters={"type": "object"}),
            "the schema of 'a/b': $.properties was {'x': {'type': 'integer'}}, went out as nothing",
        ),
        ("Q2", lambda made: made["tools"][0]["function"].pop("strict"), "strict of 'a/b' is True, None was sent"),
        ("Q3", lambda made: made["options"].update(tool_choice="auto"), "tool_choice is 'required', 'auto' was sent"),
        ("Q3", lambda made: made["options"].pop("parallel_tool_calls"), "parallel_tool_calls is False, nothing"),
        ("Q4", lambda made: made["options"].pop("temperature"), "temperature is 0, None was sent"),
        (
            "Q2",
            lambda made: made["tools"][0]["function"].update(strict=1),
            "strict of 'a/b' is True, 1 was sent",
        ),
        ("Q4", lambda made: made["options"].update(temperature=False), "temperature is 0, False was sent"),
        ("Q4", lambda made: made["options"].update(max_tokens=16.0), "max_tokens is 16, 16.0 was sent"),
        ("Q4", lambda made: made["options"].update(seed=1), "seed was not asked for, 1 was sent"),
        ("Q5", lambda made: made["messages"][3].update(content="42"), "the result was '42 ', went out as '42'"),
        (
            "Q5",
            lambda made: made["messages"][2]["tool_calls"][0]["function"].update(arguments='{"x": 1}'),
            "the arguments at $.x was 1.0, went out as 1",
        ),
    ],
)
def test_a_request_is_compared_whole(law, change, words):
    assert words in BY_ID[law].judge(asked_otherwise(change))
    assert BY_ID[law].judge(run_trial(SPOKEN, complete)) == ""


def test_a_number_that_need_not_be_whole_is_the_same_as_a_float():
    trial = asked_otherwise(lambda made: made["options"].update(temperature=0.0))
    assert BY_ID["Q4"].judge(trial) == ""


def test_an_image_is_wanted_in_no_detail_that_nobody_asked_for():
    question = replace(ASKED, prompt=[{"type": "image_url", "image_url": {"url": "https://provider.test/a.png"}}])

    def judged(detail):
        def change(made):
            made["messages"][-1]["content"][0]["image_url"]["detail"] = detail

        return BY_ID["Q1"].judge(asked_otherwise(change, question))

    assert judged("auto") == ""
    assert "image 0" in judged("low")


def test_one_question_is_one_request():
    def twice(*given, **options):
        complete(*given, **options)
        return complete(*given, **options)

    assert BY_ID["Q6"].judge(run_trial(ASKED, twice)) == "one question made 2 requests"
    assert BY_ID["Q6"].judge(run_trial(ASKED, complete)) == ""


@pytest.mark.parametrize("kind", ["refused", "unreachable"])
def test_a_failure_raises_its_class(kind):
    question = replace(ASKED, kind=kind, status=429, retry_after="7")
    right = run_trial(question, complete)
    laws = ("E1", "E2", "E4", "Q6")
    assert [BY_ID[law].judge(right) or "" for law in laws] == [""] * 4
    crashed = replace(right, error=RuntimeError("no"), memo={})
    assert "is a crash: \"RuntimeError('no')\"" in BY_ID["E1"].judge(crashed)
    own = replace(crashed, errors=(RuntimeError,))
    assert BY_ID["E1"].judge(own) == "", "a class of the backend's own is fine"


def test_how_long_to_wait_is_kept():
    question = replace(ASKED, kind="refused", status=503, retry_after="Wed, 21 Oct 2065 07:28:00 GMT")
    right = run_trial(question, complete)
    assert BY_ID["E4"].judge(right) == ""
    second = run_trial(replace(question, retry_after="1"), complete)
    assert BY_ID["E4"].judge(second) == ""
    second.error.retry_after = True
    assert "wait 1 s, kept is True" in BY_ID["E4"].judge(second)
    right.error.retry_after = None
    assert "wait until Wed, 21 Oct 2065" in BY_ID["E4"].judge(right)


def test_a_backend_may_ask_in_threads_of_its_own():
    """From a pool, several questions under way: each is answered as its own."""
    with ThreadPoolExecutor(4) as pool:

        def pooled(*given, **options):
            return pool.submit(complete, *given, **options).result()

        other = replace(ASKED, tools=("x",), reply=replace(BOTH, calls=(ToolCall("x", {}, "call_9"),)))
        trial_of_two = run_trial(replace(ASKED, beside=(other,)), pooled)
    assert BY_ID["N6"].judge(trial_of_two) == ""
    assert trial_of_two.beside[0].reply.calls[0].name == "x"


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.sampled_from([0, 1, 0.0, 1.0, -0.0, "1", "", False, True])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(_JSON, _JSON)
@example({"a": 1, "b": 2}, {"b": 2, "a": 1})
@example([1], [True])
@example([0.0], [-0.0])
def test_a_snapshot_is_equal_for_what_is_the_same_alone(one, other):
    assert (snapshot(one) == snapshot(other)) == (repr(one) == repr(other))
    assert repr(copied(one)) == repr(one)


@given(_JSON)
@example({"lone": "\ud800"})
@example([float("inf"), 10**400])
def test_the_bytes_of_a_bare_request_are_what_was_asked(value):
    assert repr(json.loads(bare._written({"value": value}))) == repr({"value": value})


def test_an_answer_that_is_cut_into_bytes_is_the_same_answer():
    question = Question("openai", ("get_x",), Reply(text="hi", finish="stop"), stream=True)
    whole = served(question, {})
    for cut in (served(replace(question, every=1), {}), served(replace(question, cuts=(3, 50)), {})):
        assert isinstance(cut, HttpResponse)
        assert cut.body == whole.body == b"".join(chunk.data for chunk in cut.chunks)
        assert pickle.loads(pickle.dumps(cut)) == cut
        assert replace(cut).body == cut.body
    assert len(served(replace(question, every=1), {}).chunks) == len(whole.body)

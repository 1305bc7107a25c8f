"""The law of redaction, drawn: what decodes before decodes after, and no secret is in the file."""

from __future__ import annotations

import base64
import json
import re
import string
import time
import uuid

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from harness.cassette import Cassette, load, save
from harness.cassette.secrets.redaction import Redactor, placeholders
from harness.cli.entry import main
from harness.core.chat import Reply, ToolCall
from harness.core.errors import LeakError
from harness.core.exchange import Chunk, Exchange, HttpRequest, HttpResponse, Provenance
from harness.dialects import DIALECTS

FROM = Provenance("synthetic", "2026-01-01T00:00:00+00:00", "a test")
NOW = int(time.time())
LETTERS = string.ascii_letters + string.digits
WORDS = ["assistant", "stop", "function", "user", "tool_calls", "Paris", "weather", "gpt-4o-mini", "letmein", "tok"]


def token(size):
    return st.text(st.sampled_from(LETTERS + "-_"), min_size=size, max_size=size + 24)


PIECES = st.one_of(
    st.integers(NOW - 10**6, NOW + 10**6).map(str),
    st.sampled_from(["2026-11-24", "1.0.1.1", "0.0.1.1-604800000", "v1", "2026-11-24T14:39:18Z", "true", "8.5"]),
    st.sampled_from(WORDS),
    st.uuids(version=4).map(str),
    st.binary(min_size=12, max_size=48).map(lambda data: base64.b64encode(data).decode()),
    st.text(string.digits, min_size=6, max_size=20),
    st.text(string.hexdigits[:16], min_size=16, max_size=40),
    token(8),
)
SECRETS = st.lists(PIECES, min_size=1, max_size=4).map("-".join)
COOKIES = st.tuples(st.sampled_from(["__cf_bm", "_cfuvid", "session", "lang", "AWSALB"]), SECRETS)


def parts_of(secret):
    """Pieces of a secret as any body may hold them by chance, and the whole of it."""
    return st.one_of(
        st.just(secret),
        st.tuples(st.integers(0, len(secret)), st.integers(0, len(secret))).map(
            lambda two: secret[min(two) : max(two)]
        ),
        st.sampled_from(secret.split("-")),
    )


@st.composite
def values(draw, secret):
    """JSON that holds parts of a secret in its texts, numbers, names and ids."""
    digits = [int(run) for run in re.findall(r"[1-9]\d{0,17}", secret)] or [NOW]
    leaf = st.one_of(
        parts_of(secret),
        parts_of(secret).map(lambda part: f"it says {part}, and \n{part}\t\u2028 ends"),
        st.sampled_from(digits),
        st.sampled_from(digits).map(lambda number: number / 1000),
        st.sampled_from([True, None, "", 1.5, -0.0, "2026-11-24", *WORDS]),
        st.text(max_size=8),
    )
    inner = st.recursive(
        leaf,
        lambda more: (
            st.lists(more, max_size=4)
            | st.dictionaries(st.sampled_from([*WORDS, "created", "id", "text", "arguments", "b"]), more, max_size=4)
        ),
        max_leaves=12,
    )
    value = draw(inner)
    if draw(st.booleans()):
        value = {"arguments": json.dumps(value, ensure_ascii=draw(st.booleans())), "created": digits[0]}
    return {"id": f"chatcmpl-{NOW}", "created": NOW, "of": value}


def skeleton(value):
    """What redaction may not touch: shape, names, numbers, lengths; texts as their kind, JSON in texts as JSON."""
    if isinstance(value, dict):
        return {name: skeleton(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [skeleton(inner) for inner in value]
    if isinstance(value, str):
        try:
            inner = json.loads(value)
        except ValueError:
            return "a text"
        return skeleton(inner) if isinstance(inner, (dict, list)) else "a text"
    return value, type(value)


def sent(secret, cookie, body, headers=()):
    name, value = cookie
    carried = (("authorization", f"Bearer {secret}"), ("cookie", f"theme=dark; {name}={value}"), *headers)
    return HttpRequest("POST", "https://api.a.test/v1/chat/completions", carried, body)


def written(style, value):
    ascii_only, spaced = style
    return json.dumps(value, ensure_ascii=ascii_only, separators=None if spaced else (",", ":")).encode(
        "utf-8", "surrogatepass"
    )


def unsafe(text):
    """What can't be written at all: a lone surrogate."""
    return any("\ud800" <= letter <= "\udfff" for letter in json.dumps(text, ensure_ascii=False))


LAW = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much], deadline=None)


def holds(clean, secret, cookie):
    """Whether a whole secret is left in what was redacted, in a text of it."""
    told = json.dumps(
        [clean.request.url, clean.request.body.decode(), clean.response.body.decode(), clean.response.headers]
    )
    texts = [told, json.loads(told)[1], json.loads(told)[2]]
    return [one for one in (secret, cookie[1]) if random(one) and any(one in text for text in texts)]


def random(secret):
    """An independent notion of it: upper, lower and digits in one run of sixteen."""
    return any(
        re.search("[a-z]", run) and re.search("[A-Z]", run) and len(re.findall("[0-9]", run)) > 2
        for run in re.findall(r"[A-Za-z0-9]{16,}", secret)
    )


@LAW
@given(st.data())
def test_json_stays_json_of_the_same_shape(data):
    secret, cookie = data.draw(SECRETS), data.draw(COOKIES)
    value = data.draw(values(data.draw(st.sampled_from([secret, cookie[1]]))))
    assume(not unsafe(value))
    style = data.draw(st.tuples(st.booleans(), st.booleans()))
    body = written(style, value)
    response = HttpResponse(
        200, (("content-type", "application/json"), ("set-cookie", "=".join(cookie))), (Chunk(body),)
    )
    clean = Redactor().exchange(Exchange(sent(secret, cookie, body), response))
    for one in (clean.request.body, clean.response.body):
        assert skeleton(json.loads(one)) == skeleton(value)
    assert not holds(clean, secret, cookie)
    again = Redactor().exchange(clean)
    assert again == clean


@LAW
@given(st.data())
def test_a_stream_keeps_its_events_and_each_its_shape(data):
    secret, cookie = data.draw(SECRETS), data.draw(COOKIES)
    events = data.draw(st.lists(values(secret), min_size=1, max_size=5))
    assume(not any(map(unsafe, events)))
    newline = data.draw(st.sampled_from(["\n", "\r\n"]))
    lines = [f"event: e{newline}data: {json.dumps(one)}{newline}{newline}" for one in events]
    body = "".join([*lines, f"data: [DONE]{newline}{newline}"]).encode()
    size = data.draw(st.integers(3, 40))
    chunks = tuple(Chunk(body[at : at + size], at / 8) for at in range(0, len(body), size))
    response = HttpResponse(200, (("content-type", "text/event-stream"),), chunks)
    clean = Redactor().exchange(Exchange(sent(secret, cookie, b"{}"), response))
    after = re.findall(r"data: (.*?)\r?\n", clean.response.body.decode())
    assert after.pop() == "[DONE]"
    assert [skeleton(json.loads(one)) for one in after] == [skeleton(one) for one in events]
    assert [one.at for one in clean.response.chunks] == [one.at for one in chunks]
    assert not holds(clean, secret, cookie)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@settings(LAW, max_examples=20)
@given(st.data())
def test_what_decodes_before_decodes_after(dialect, stream, data):
    secret, cookie = data.draw(SECRETS), data.draw(COOKIES)
    text = data.draw(parts_of(data.draw(st.sampled_from([secret, cookie[1]]))))
    assume("\\" not in text)
    call = ToolCall("send", {"to": f"key {text}", "at": NOW, "copy": [text, 1.5]}, "call_1")
    said = "" if dialect == "ollama_generate" else f"It is {text}!"
    raw = DIALECTS[dialect].render(Reply(text=said, calls=(call,), finish="tool_calls"), stream=stream)
    before = DIALECTS[dialect].read(raw)
    clean = Redactor().exchange(Exchange(sent(secret, cookie, b"{}"), raw))
    after = DIALECTS[dialect].read(clean.response)
    assert after.finish == before.finish
    assert (len(after.text) > 0) == (len(before.text) > 0)
    assert [one.name for one in after.calls] == [one.name for one in before.calls]
    assert [one.id for one in after.calls] == [one.id for one in before.calls]
    for one, other in zip(before.calls, after.calls, strict=True):
        assert skeleton(one.parameters) == skeleton(other.parameters)


@LAW
@given(data=st.data())
def test_what_is_saved_loads_as_it_was_redacted_or_is_refused_by_name(data, tmp_path_factory):
    secret, cookie = data.draw(SECRETS), data.draw(COOKIES)
    value = data.draw(values(secret))
    assume(not unsafe(value))
    body = json.dumps(value).encode()
    clean = Redactor((secret,)).exchange(Exchange(sent(secret, cookie, body), HttpResponse(200, (), (Chunk(body),))))
    path = tmp_path_factory.mktemp("law") / f"{uuid.uuid4()}.json"
    refused = ""
    try:
        save(path, Cassette(FROM, (clean,)), secrets=(secret,))
    except LeakError as error:
        refused = str(error)
    if refused:
        assert re.search(r"the (request|response)'s body of POST https://api.a.test|line \d+ holds", refused)
        assert secret not in refused or not random(secret)
        return
    assert load(path).exchanges == (clean,)
    if random(secret):
        assert secret not in path.read_text()


def test_an_import_leaves_times_alone_and_says_how_many_secrets_it_redacted(tmp_path, capsys):
    cookie = f"__cf_bm=Zq7Lw2Xv9Rb4Tn8Km3Yp6Hd1Qa5Zc0Ve-{NOW}-1.0.1.1-Ab3Cd5Ef7Gh9Jk2Lm4Np6Qr8St0Uv1Wx"
    key = "Tn8Km3Yp6Hd1Qa5Zc0VeZq7Lw2Xv9Rb4"
    answer = {"id": f"chatcmpl-{NOW}", "created": NOW, "said": f"{key} and {key}", "echo": cookie.partition("=")[2]}
    line = {
        "id": "a#0",
        "method": "POST",
        "url": "https://api.a.test/v1/chat/completions",
        "request_headers": {"authorization": f"Bearer {key}", "cookie": cookie},
        "request_body": {"created": NOW},
        "status": 200,
        "response_headers": {"content-type": "application/json", "x-request-id": "req_1", "set-cookie": cookie},
        "response_body": json.dumps(answer),
    }
    (tmp_path / "a.jsonl").write_text(json.dumps(line) + "\n")
    assert main(["cassettes", "import", str(tmp_path / "a.jsonl"), "--to", str(tmp_path / "out")]) == 0
    assert ", 3 secrets redacted" in capsys.readouterr().out
    (made,) = (tmp_path / "out").rglob("*.json")
    (one,) = load(made).exchanges
    said = {"said": "REDACTED-1 and REDACTED-1", "echo": "REDACTED-2"}
    assert json.loads(one.response.body) == {**answer, **said}
    assert dict(one.response.headers) == {"content-type": "application/json", "x-request-id": "req_1"}
    assert placeholders([one]) == 3

"""Redaction: linear in time, repeatable, numbered as it stands in the cassette, and what was said is still said."""

from __future__ import annotations

import json
import string
import time
from dataclasses import replace
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cassette import Cassette, load, open_tape, partial, save
from harness.cassette.secrets.leak_scan import LeakScan
from harness.cassette.secrets.places import DROPPED_RESPONSE_HEADERS, RECORDED_REQUEST_HEADERS
from harness.cassette.secrets.redaction import Redactor
from harness.cassette.secrets.shapes import placeholder
from harness.core.chat import Reply, ToolCall
from harness.core.errors import LeakError
from harness.core.exchange import Chunk, Exchange, HttpRequest, HttpResponse, Provenance
from harness.dialects import DIALECTS

FROM = Provenance("synthetic", "2026-01-01T00:00:00+00:00", "a test")
KEYS = {
    "OpenAI": "sk-Zq7Lw2Xv9Rb4Tn8Km3Yp6Hd1",
    "OpenAI project": "sk-proj-Zq7Lw2Xv9Rb4Tn8Km3Yp6Hd1",
    "OpenAI service": "sk-svcacct-Zq7Lw2Xv9Rb4Tn8Km3Yp6Hd1",
    "Anthropic": "sk-ant-api03-Zq7Lw2Xv9Rb4Tn8Km3Yp6Hd1",
    "OpenRouter": "sk-or-v1-9f8e7d6c5b4a39281706f5e4d3c2b1a0",
    "Google": "AIza" + "Sy7Lw2Xv9Rb4Tn8Km3Yp6Hd1Qa5Zc0Ve2Jf",
    "Google token": "ya29.Zq7Lw2Xv9Rb4Tn8Km3Yp6Hd1Zq7Lw2",
    "AWS": "AKIAIOSFODNN7EXAMPLE",
    "Groq": "gsk_Zq7Lw2Xv9Rb4Tn8Km3Yp6Hd1Zq7Lw2Xv9Rb4",
    "xAI": "xai-Zq7Lw2Xv9Rb4Tn8Km3Yp6Hd1Zq7Lw2Xv9Rb4",
    "Hugging Face": "hf_Zq7Lw2Xv9Rb4Tn8Km3Yp6Hd1Zq7Lw2",
    "GitHub": "ghp_Zq7Lw2Xv9Rb4Tn8Km3Yp6Hd1Zq7Lw2Xv9Rb4",
    "Slack": "xoxb-123456789012-Zq7Lw2Xv9Rb4Tn8Km3Yp6Hd1",
    "JWT": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
    "PEM": "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----",
    "user info": "https://user:Zq7Lw2Xv9Rb4@provider.test/v1",
}


def asked(text, url="http://a.test/v1", headers=()):
    return HttpRequest("POST", url, headers, json.dumps({"prompt": text}).encode())


def said(*pieces):
    return HttpResponse(200, (), tuple(map(Chunk, pieces)))


@pytest.mark.parametrize("name", KEYS)
def test_f53_an_unknown_key_is_known_by_its_shape_and_its_placeholder_is_none(name, tmp_path):
    exchange = Exchange(asked(f"it is {KEYS[name]}."), said(b"{}"))
    with pytest.raises(LeakError, match="the request's body"):
        save(tmp_path / "a.json", Cassette(FROM, (exchange,)))
    assert list(tmp_path.iterdir()) == []
    for number in (1, 99_999):
        save(tmp_path / "a.json", Cassette(FROM, (Exchange(asked(placeholder(KEYS[name], number)), said(b"{}")),)))
    if name != "user info":
        clean = Redactor((KEYS[name],)).exchange(exchange)
        save(tmp_path / "a.json", Cassette(FROM, (clean,)))
        assert "REDACTED-1" in (tmp_path / "a.json").read_text()


ORDINARY = [
    {
        "logprobs": {"content": [{"token": "Hello", "top_logprobs": []}]},
        "usage": {"total_tokens": 12, "prompt_tokens": 2},
    },
    {"password": None, "api_key": "", "token": "a", "secret": False},
    {"content": "Never send me your password. A token is a piece of text; sk- is how keys begin, AKIA too."},
    {
        "id": "chatcmpl-9f8e7d6c5b4a39281706f5e4d3c2b1a0",
        "system_fingerprint": "fp_44709d6fcb",
        "tool_call_id": "call_Zq7Lw2Xv9Rb4Tn8Km3Yp6Hd1",
    },
    {"image": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="},
    {"url": "https://user@host.test/a", "mail": "someone@host.test", "eyJ": "eyJ.eyJ.x"},
]


@pytest.mark.parametrize("value", ORDINARY, ids=range(len(ORDINARY)))
def test_f56_what_is_no_secret_stays_as_it_is(value, tmp_path):
    exchange = Exchange(
        HttpRequest("POST", "http://a.test/", (), json.dumps(value).encode()), said(json.dumps(value).encode())
    )
    assert Redactor(("some-Key-0123456789abcdef",), by_shape=True).exchange(exchange) == exchange
    save(tmp_path / "a.json", Cassette(FROM, (exchange,)))
    assert load(tmp_path / "a.json").exchanges == (exchange,)


def test_f53_a_key_that_shares_pieces_with_a_known_one_is_still_seen(tmp_path):
    clean = Redactor(("sk-Zq7Lw2Xv9Rb4Tn8Km3Yp6Hd1",)).exchange(
        Exchange(asked("sk-ant-Zq7Lw2Xv9Rb4-by-a-test-0123456789"), said(b"{}"))
    )
    assert b"Zq7Lw2Xv" not in clean.request.body
    with pytest.raises(LeakError, match="an Anthropic key"):
        save(tmp_path / "a.json", Cassette(FROM, (clean,)))


SENT = ["authorization", "X-Api-Key", "Cookie", "x-anything-else", "openai-organization", "host", "user-agent"]
CAME = {
    "content-type": "application/json",
    "x-request-id": "req_011CSHoEeqs5C35K2UUqR7Fy",
    "etag": 'W/"a1b2c3"',
    "link": '<https://a.test/v1/files?after=file_2>; rel="next"',
    "mcp-session-id": "session-1",
    "x-goog-upload-url": "https://a.test/upload?upload_id=AHmgpxQeZ7&upload_protocol=resumable",
    "x-goog-upload-status": "active",
    "operation-location": "https://a.test/operations/7?api-version=2024-02-01",
    "x-ratelimit-remaining-tokens": "149984",
    "anthropic-ratelimit-tokens-reset": "2026-11-24T14:39:18Z",
    "x-amzn-bedrock-input-token-count": "12",
    "retry-after": "7",
    "x-unheard-of": "kept",
}
LOST = {
    "set-cookie": "__cf_bm=Zq7Lw2Xv9Rb4Tn8Km3Yp6Hd1; path=/",
    "x-auth-token": "Zq7Lw2Xv9Rb4Tn8Km3Yp6Hd1",
    "X-Amz-Security-Token": "Zq7Lw2Xv9Rb4Tn8Km3Yp6Hd1",
    "date": "Tue, 24 Nov 2026 14:39:18 GMT",
    "cf-ray": "9a1b2c3d4e5f-FRA",
    "openai-processing-ms": "412",
    "transfer-encoding": "chunked",
    "content-length": "2",
    "x-mine": "dropped by the user's own list",
    "x-team-trace": "dropped by the user's own list",
}


def test_f51_a_request_keeps_a_few_headers_and_an_answer_all_that_are_not_secret_or_volatile():
    request = replace(asked("x"), headers=tuple((name, "value") for name in (*SENT, *RECORDED_REQUEST_HEADERS)))
    response = replace(said(b"{}"), headers=(*{**CAME, "mcp-session-id": "1868a90c-7f2e"}.items(), *LOST.items()))
    clean = Redactor(drop_headers=("x-mine", "X-Team-*")).exchange(Exchange(request, response))
    assert {name for name, _ in clean.request.headers} == RECORDED_REQUEST_HEADERS
    assert dict(clean.response.headers) == CAME
    assert all(one.why for one in DROPPED_RESPONSE_HEADERS)


def test_what_an_answers_headers_hold_of_a_secret_is_taken_out():
    headers = (
        ("location", "https://me:Zq7Lw2Xv9Rb4@a.test/next?code=abc123def&a=1#access_token=Tn8Km3Yp6Hd1Qa5Z"),
        ("x-echo", "you sent Zq7Lw2Xv9Rb4Tn8Km3Yp6Hd1"),
    )
    request = replace(asked("x"), headers=(("x-api-key", "Zq7Lw2Xv9Rb4Tn8Km3Yp6Hd1"),))
    clean = Redactor().exchange(Exchange(request, replace(said(b'{"again": "abc123def"}'), headers=headers)))
    assert clean.response.headers == (
        ("location", "https://a.test/next?code=REDACTED&a=1#access_token=REDACTED"),
        ("x-echo", "you sent REDACTED-1"),
    )
    assert clean.response.body == b'{"again": "REDACTED-2"}'


def test_f55_oauth_and_signatures_are_replaced_and_a_replay_needs_no_real_ones(tmp_path, served):
    path, grant = tmp_path / "a.json", "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion="
    told = {"access_token": "ya29.Zq7Lw2Xv9Rb4Tn8Km3Yp6Hd1Zq7Lw2", "expires_in": 3599, "token_type": "Bearer"}

    def ask(assertion, signature):
        form = {"content-type": "application/x-www-form-urlencoded"}
        httpx.post(f"{served.url}/plain", content=grant + assertion, headers=form)
        scope = f"Credential=AKIAIOSFODNN7EXAMPLE/20261124/us-east-1/bedrock/aws4_request, Signature={signature}"
        signed = {
            "authorization": f"AWS4-HMAC-SHA256 {scope}",
            "x-amz-date": signature,
            "cookie": "session=a1b2c3d4e5f6g7h8",
        }
        httpx.post(
            f"{served.url}/plain/us-east-1/aws4_request/session=?X-Amz-Signature={signature}&a=1",
            content=b"{}",
            headers=signed,
        )
        return httpx.post(f"{served.url}/echo/ok", content=json.dumps(told)).json()

    with open_tape(path, mode="record", provenance=FROM):
        assert ask(KEYS["JWT"], "0123456789abcdef") == told
    with open_tape(path):
        got = ask("another.jwt.here", "fedcba9876543210")
    assert got == {**told, "access_token": "ya29.REDACTED-2"}
    text = path.read_text()
    assert not any(part in text for part in ("eyJ", "Zq7Lw2", "0123456789abcdef"))
    # The ordinary words of a signature stay.
    assert load(path).exchanges[1].request.url.endswith("/us-east-1/aws4_request/session=?X-Amz-Signature=REDACTED&a=1")


def test_f58_placeholders_are_numbered_as_they_stand_whatever_else_is_known(tmp_path, served, monkeypatch):
    keys = [
        f"sk-proj-{letter}{'Zq7Lw2Xv9Rb4Tn8Km3Yp6Hd1'[::step]}{number}"
        for number, (letter, step) in enumerate([("a", 1), ("b", -1), ("c", 1)])
    ]

    def record(name, *known):
        path = tmp_path / name
        with open_tape(path, mode="record", provenance=FROM, secrets=known):
            httpx.post(f"{served.url}/plain?q={keys[1]}", content=json.dumps({"a": keys[0], "b": keys[1]}))
            httpx.post(
                f"{served.url}/plain", content=json.dumps({"c": [keys[2], keys[0]]}), headers={"x-api-key": keys[2]}
            )
        found = [exchange.request for exchange in load(path).exchanges]
        return [(request.url, request.body) for request in found]

    first = record("a.json", keys[0], keys[1])
    monkeypatch.setenv("SOME_TOKEN", "unrelated-0123456789-abcdefghijklmnopqrstuvwxyz")
    assert record("b.json", keys[1], "another-longer-one-0123456789-abcdefghijkl", keys[0], keys[2]) == first
    assert first[0][0].endswith("?q=sk-proj-REDACTED-1")
    assert json.loads(first[0][1]) == {"a": "sk-proj-REDACTED-2", "b": "sk-proj-REDACTED-1"}
    assert json.loads(first[1][1]) == {"c": ["sk-proj-REDACTED-3", "sk-proj-REDACTED-2"]}


def test_f58_a_key_that_shows_itself_only_later_is_taken_out_of_what_came_before(tmp_path, served):
    key = "Zq7Lw2Xv9Rb4Tn8Km3Yp6Hd1"
    with open_tape(tmp_path / "a.json", mode="record", provenance=FROM):
        httpx.post(f"{served.url}/plain", content=json.dumps({"a": key}))
        httpx.post(f"{served.url}/plain", content=b"{}", headers={"authorization": f"Bearer {key}"})
    assert key not in (tmp_path / "a.json").read_text()


TEXT = st.text(st.sampled_from([*string.ascii_letters, *string.digits, *'-_."\\{}:@/& \né', "\u2028"]), max_size=60)


@given(
    st.lists(st.one_of(TEXT, st.sampled_from(list(KEYS.values())), st.just('"access_token":"')), max_size=8),
    TEXT,
    st.booleans(),
)
def test_p11_redacting_again_changes_nothing(parts, secret, by_shape):
    text = (" " if by_shape else "").join(parts)  # letters right behind a placeholder may make another shape
    clean = Redactor((secret, *list(KEYS.values())[:4]), by_shape=by_shape)
    once = clean.exchange(Exchange(asked(text), said(text.encode()[:9], text.encode()[9:])))
    again = Redactor((secret, *list(KEYS.values())[:4]), by_shape=by_shape).exchange(once)
    assert again == once


def rendered(dialect, key, *, stream):
    calls = (ToolCall("send", {"to": f"key {key}", "copy": [key]}, "call_1"),)
    text = "" if dialect == "ollama_generate" else f"It is {key}!"  # it has no place for text beside calls
    return DIALECTS[dialect].render(Reply(text=text, calls=calls, finish="tool_calls"), stream=stream)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_p11_what_was_redacted_decodes_as_the_raw_did(dialect):
    key = KEYS["Anthropic"]
    raw = rendered(dialect, key, stream=False)
    cut = replace(raw, chunks=tuple(Chunk(raw.body[at : at + 7]) for at in range(0, len(raw.body), 7)))
    before = DIALECTS[dialect].read(raw)
    assert [call.parameters for call in before.calls] == [{"to": f"key {key}", "copy": [key]}]
    for response in (raw, cut):
        clean = Redactor((key,)).response(response)
        assert key.encode()[13:] not in clean.body
        after = DIALECTS[dialect].read(clean)
        instead = placeholder(key, 1)
        assert after.text == before.text.replace(key, instead)
        assert [call.parameters for call in after.calls] == [{"to": f"key {instead}", "copy": [instead]}]
        assert after.finish == before.finish


PATHS = {
    "openai": "/v1/chat/completions",
    "openai_responses": "/v1/responses",
    "anthropic": "/v1/messages",
    "gemini": "/v1beta/models/m:streamGenerateContent",
    "bedrock": "/model/m/converse-stream",
    "bedrock_invoke": "/model/anthropic.claude-3/invoke-with-response-stream",
    "cohere": "/v2/chat",
    "ollama": "/api/chat",
    "ollama_generate": "/api/generate",
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_f54_a_secret_spelt_out_over_many_events_is_redacted_and_an_unknown_one_refuses_the_save(dialect, tmp_path):
    key = KEYS["Anthropic"]
    raw = rendered(dialect, key, stream=True)
    exchange = Exchange(asked("x", f"http://a.test{PATHS.get(dialect, '/v1/chat/completions')}"), raw)
    before = DIALECTS[dialect].read(raw)
    assert key in str(before)
    clean = Redactor((key,)).exchange(exchange)
    save(tmp_path / "a.json", Cassette(FROM, (clean,)), secrets=(key,))
    after, instead = DIALECTS[dialect].read(clean.response), placeholder(key, 1)
    assert after.text == before.text.replace(key, instead)
    assert [call.parameters for call in after.calls] == [{"to": f"key {instead}", "copy": [instead]}]
    (tmp_path / "a.json").unlink()
    with pytest.raises(LeakError, match=r"the response's body|line \d+"):
        save(tmp_path / "a.json", Cassette(FROM, (exchange,)))
    assert list(tmp_path.iterdir()) == []


def test_f54_of_a_recording_with_one_stream_that_spells_out_a_foreign_key_the_rest_is_kept(
    tmp_path, served, monkeypatch
):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    key, path = KEYS["Anthropic"], tmp_path / "a.json"
    stream = rendered("openai", key, stream=True).body

    def record():
        with open_tape(path, mode="record", provenance=FROM):
            httpx.post(f"{served.url}/plain", content=b"{}")
            assert httpx.post(f"{served.url}/echo/sse/chat/completions", content=stream).content == stream

    with pytest.raises(LeakError, match="it was not written; what was caught is in"):
        record()
    (kept,) = load(partial(path)).exchanges
    assert kept.request.url.endswith("/plain")
    assert len(list((tmp_path / "state").rglob("*.json"))) == 1


HOSTILE = {
    "plain": "word and word, ",
    "JWTs": "eyJ-",
    "JWTs begun": "eyJabcdefghijk.",
    "two parts": "eyJabcdefghijk.eyJabcdefghijk.",
    "keys": "sk-",
    "keys almost": "sk-abcdefghijklmnop ",
    "URLs": "http://a:",
    "URLs longer": "https://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:bbbbbbbbbbbb",
    "PEM": "-----BEGIN RSA ",
    "OAuth": '"access_token":"',
    "OAuth escaped": '"access_token":"\\',
    "OAuth spaces": '"access_token"' + " " * 50,
    "pieces": "Zq7Lw2Xv9Rb4Tn8",
    "percent": "%25",
    "base64": "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_p11_f59_redaction_and_gate_take_time_linear_in_the_text(name):
    clean, gate = Redactor((KEYS["OpenAI"],), by_shape=True), LeakScan((KEYS["OpenAI"],))

    def seconds(size):
        text = (HOSTILE[name] * (size // len(HOSTILE[name]) + 1))[:size]
        best = []
        for _ in range(3):
            start = time.process_time()
            clean.text(text)
            gate.holds(text)
            best.append(time.process_time() - start)
        return min(best)

    small, large = seconds(100_000), seconds(800_000)
    print(f"{name}: {large:.3f} s for 800 KB, {large / max(small, 1e-6):.1f} times that of 100 KB")
    assert large < 32 * max(small, 0.005)  # eight times the text; by its square it would be 64


@pytest.mark.parametrize("name", ["__cf_bm", "_cfuvid"])
def test_a_cookie_with_a_time_in_it_leaves_the_times_of_answers_alone(name, tmp_path, served):
    now = int(time.time())
    cookie = {
        "__cf_bm": f"Zq7Lw2Xv9Rb4Tn8Km3Yp6Hd1Qa5Zc0Ve2Jf-{now}-1.0.1.1-Ab3Cd5Ef7Gh9Jk2Lm4Np6Qr8St0Uv1Wx",
        "_cfuvid": f"Zq7Lw2Xv9Rb4Tn8Km3Yp6Hd1Qa5Zc0Ve2Jf-{now}123-0.0.1.1-604800000",
    }[name]
    answer = {"id": f"chatcmpl-{now}", "created": now, "at": [now * 1000 + 7, 0.00604800000, "1.0.1.1-"], "n": now / 10}
    path = tmp_path / "a.json"

    def ask():
        with httpx.Client(cookies={name: cookie}) as client:
            return [client.post(f"{served.url}/echo/ok", json={**answer, "turn": turn}).json() for turn in range(2)]

    with open_tape(path, mode="record", provenance=FROM):
        live = ask()
    with open_tape(path):
        assert ask() == live == [{**answer, "turn": turn} for turn in range(2)]


BEFORE = {"line break": "\n", "tab": "\t", "return": "\r\n", "quote": '"', "two breaks": "\n\n", "dash": "\u2014"}


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("before", BEFORE)
def test_a_key_behind_a_line_break_is_seen_in_prompts_and_in_what_models_say(name, before, tmp_path):
    text = f"my .env:{BEFORE[before]}{KEYS[name]}"
    inner = {"arguments": json.dumps({"text": text})}
    for exchange in (
        Exchange(asked(text), said(b"{}")),
        Exchange(asked("x"), said(json.dumps({"choices": [{"message": {"content": text}}]}).encode())),
        Exchange(asked("x"), said(json.dumps(inner).encode())),
        Exchange(asked("x"), said(b"data: " + json.dumps(inner, ensure_ascii=False).encode() + b"\n\n")),
    ):
        with pytest.raises(LeakError, match=r"body of|line \d+ holds"):
            save(tmp_path / "a.json", Cassette(FROM, (exchange,)))
        text_of = json.dumps({"body": exchange.request.body.decode(), "answer": exchange.response.body.decode()})
        assert list(LeakScan().hits(text_of.encode()))


def test_half_a_surrogate_pair_where_a_secret_stands_is_redacted_and_nothing_breaks():
    body = b'{"api_key": "half \\ud800 of a pair", "prompt": "half \\ud800 of a pair", "created": 1}'
    request = HttpRequest("POST", "http://a.test/v1?key=%ED%A0%80abcdef", (), body)
    clean = Redactor().exchange(Exchange(request, said(body)))
    assert json.loads(clean.request.body) == {**json.loads(body), "api_key": "REDACTED-1"}
    assert clean.request.url == "http://a.test/v1?key=REDACTED"


SIGNATURE = "lUAyLRCBx0W8qUI0pkW1Cv4N7zyMSGRkk4oItsc1duo="


@pytest.mark.parametrize("text", ["{}", "Here it is: ![a picture]({})"])
@pytest.mark.parametrize("ampersand", ["&", "\\u0026"])
@pytest.mark.parametrize("name", ["sig", "X-Amz-Signature", "X-Goog-Signature"])
def test_the_signature_of_a_link_in_an_answer_is_replaced_there_and_where_it_is_fetched(name, ampersand, text):
    """OpenAI's images, Google's files and Azure's blobs come as signed links, which the client then asks for."""
    link = f"https://files.test/img.png?sp=r{ampersand}{name}={quote(SIGNATURE, safe='')}"
    body = f'{{"data": [{{"url": "{text.format(link)}"}}], "page": "https://a.test/?code=weather&key=US", "text": "weather"}}'
    asked = HttpRequest("POST", "https://api.test/v1/images/generations", (), b"{}")
    redactor = Redactor()
    one = redactor.exchange(Exchange(asked, HttpResponse(200, (), (Chunk(body.encode()),))))
    fetched = redactor.request(HttpRequest("GET", link.replace("\\u0026", "&"), (), b""))
    said = json.loads(one.response.body)
    assert SIGNATURE[:12] not in str(said) + fetched.url
    assert said["page"] == "https://a.test/?code=weather&key=US"
    assert said["text"] == "weather"
    LeakScan().refuse_exchange(one, "a.json")

"""Single secrets, planted one by one over kinds, places and writings: none is in a file that was written."""

from __future__ import annotations

import base64
import gzip
import html
import json
import re
import string
import textwrap
import zlib
from urllib.parse import quote

import brotli
import httpx
import pytest
import zstandard

from harness.cassette import open_tape
from harness.core.errors import LeakError
from harness.core.exchange import Provenance
from tests.cassette.letters import Letters

FROM = Provenance("synthetic", "2026-01-01T00:00:00+00:00", "a test")
DRAW = Letters(7)
drawn, hexed, uuid = DRAW.drawn, DRAW.hexed, DRAW.uuid
UPPER = string.ascii_uppercase + string.digits
KINDS = {
    "OpenAI": f"sk-{drawn(48)}",
    "OpenAI project": f"sk-proj-{drawn(74)}T3BlbkFJ{drawn(74)}",
    "OpenAI service account": f"sk-svcacct-{drawn(60)}",
    "OpenAI admin": f"sk-admin-{drawn(60)}",
    "Anthropic": f"sk-ant-api03-{drawn(93)}AA",
    "Anthropic OAuth": f"sk-ant-oat01-{drawn(93)}AA",
    "OpenRouter": f"sk-or-v1-{hexed(64)}",
    "DeepSeek": f"sk-{hexed(32)}",
    "Google": f"AIzaSy{drawn(33)}",
    "Google access token": f"ya29.a0{drawn(120)}",
    "Google client secret": f"GOCSPX-{drawn(28)}",
    "AWS": "AKIA" + "".join(DRAW.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(16)),
    "Bedrock": f"ABSK{drawn(120)}",
    "Groq": f"gsk_{drawn(52)}",
    "xAI": f"xai-{drawn(80)}",
    "Hugging Face": f"hf_{drawn(34)}",
    "NVIDIA": f"nvapi-{drawn(64)}",
    "Perplexity": f"pplx-{drawn(48)}",
    "Replicate": f"r8_{drawn(37)}",
    "Fireworks": f"fw_{drawn(24)}",
    "Cerebras": f"csk-{drawn(48).lower()}",
    "LangSmith": f"lsv2_pt_{hexed(32)}_{hexed(10)}",
    "Langfuse": f"sk-lf-{uuid()}",
    "Tavily": f"tvly-dev-{drawn(32)}",
    "Together": f"tgp_v1_{drawn(43)}",
    "LlamaCloud": f"llx-{drawn(48)}",
    "Pinecone": f"pcsk_{drawn(5)}_{drawn(60)}",
    "W&B": f"wandb_v1_{drawn(60)}",
    "ElevenLabs": f"sk_{hexed(48)}",
    "Logfire": f"pylf_v1_us_{drawn(43)}",
    "GitHub": f"ghp_{drawn(36)}",
    "GitHub fine-grained": f"github_pat_{drawn(22)}_{drawn(59)}",
    "GitLab": f"glpat-{drawn(20)}",
    "Slack bot": f"xoxb-123456789012-1234567890123-{drawn(24)}",
    "Stripe": f"sk_live_{drawn(24)}",
    "SendGrid": f"SG.{drawn(22)}.{drawn(43)}",
    "npm": f"npm_{drawn(36)}",
    "PyPI": f"pypi-AgEIcHlwaS5vcmc{drawn(80)}",
    "DigitalOcean": f"dop_v1_{hexed(64)}",
    "Databricks": f"dapi{hexed(32)}",
    "Linear": f"lin_api_{drawn(40)}",
    "Notion": f"ntn_12345678901{drawn(35)}",
    "Postman": f"PMAK-{hexed(24)}-{hexed(34)}",
    "Shopify": f"shpat_{hexed(32)}",
    "Vault": f"hvs.{drawn(95)}",
    "Azure client secret": f"{drawn(3)}8Q~{drawn(34)}",
    "Telegram": f"1234567890:AA{drawn(33)}",
    "JWT": f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.{drawn(43)}",
    "PEM": f"-----BEGIN RSA PRIVATE KEY-----\n{drawn(64)}\n{drawn(64)}\n-----END RSA PRIVATE KEY-----",
    "database URL": f"postgres://app:{drawn(16)}@db.example.com/app",
    "Mistral in an .env": f"MISTRAL_API_KEY={drawn(32)}",
    "AWS secret in an .env": f"AWS_SECRET_ACCESS_KEY={drawn(40)}",
    "Cohere in YAML": f"cohere_api_key: '{drawn(40)}'",
    "Datadog in an .env": f"DATADOG_API_KEY={hexed(32)}",
    "a header in curl": f"curl -H 'Authorization: Bearer {drawn(40)}' https://a.test",
    "Azure SAS": f"https://x.blob.core.windows.net/c/f?sv=2022-11-02&sr=b&sig={drawn(43)}%3D",
    "presigned S3": f"https://b.s3.amazonaws.com/k?X-Amz-Signature={hexed(64)}",
    "Discord webhook": f"https://discord.com/api/webhooks/123456789012345678/{drawn(68)}",
    "Docker login": json.dumps({"auths": {"https://index.docker.io/v1/": {"auth": drawn(32)}}}),
    "netrc": f"machine a.test login me password {drawn(24)}",
    "a clone URL": f"https://{drawn(40)}@git.example.com/a/b.git",
    "Zhipu": f"{hexed(32)}.{drawn(16)}",
    "glued to a word": f"tokensk-proj-{drawn(60)}",
    "a cookie in text": f"Cookie: session={drawn(32)}",
}
KEY = KINDS["OpenAI project"]
SHORT = KINDS["Groq"]


def asks(text):
    return json.dumps({"messages": [{"role": "user", "content": text}]})


def escapes(text):
    return "".join(f"\\u{ord(letter):04x}" for letter in text)


# How the text of a JSON string is written in the body.
WRITINGS = {
    "plain": lambda key: json.dumps(key)[1:-1],
    "behind a line break": lambda key: json.dumps(f"A=1\n{key}")[1:-1],
    "behind a tab": lambda key: json.dumps(f"\t{key}")[1:-1],
    "behind an underscore": lambda key: f"KEY_{key}",
    "behind a quote": lambda key: json.dumps(f'"{key}"')[1:-1],
    "behind a dash of Unicode": lambda key: json.dumps(f"\u2014{key}")[1:-1],
    "JSON in JSON": lambda key: json.dumps(json.dumps({"a": f"x\n{key}"}))[1:-1],
    "JSON in JSON in JSON": lambda key: json.dumps(json.dumps(json.dumps({"a": f"x\n{key}"})))[1:-1],
    "all letters escaped": escapes,
    "its first letter escaped": lambda key: escapes(key[:1]) + key[1:],
    "a letter in the middle escaped": lambda key: key[:20] + escapes(key[20:22]) + key[22:],
    "in a URL": lambda key: quote(f"key={key}", safe=""),
    "every letter by %": lambda key: "".join(f"%{ord(letter):02X}" for letter in key),
    "decimal entities": lambda key: "".join(f"&#{ord(letter)};" for letter in key),
    "hex entities": lambda key: "".join(f"&#x{ord(letter):x};" for letter in key),
    "hex": lambda key: key.encode().hex(),
    "HEX": lambda key: key.encode().hex().upper(),
    "hex with colons": lambda key: key.encode().hex(":"),
    "hex with spaces": lambda key: key.encode().hex(" "),
    "hex with dashes": lambda key: key.encode().hex("-"),
    "0x and commas": lambda key: ", ".join(f"0x{letter:02x}" for letter in key.encode()),
    "backslash x": lambda key: "".join(f"\\\\x{letter:02x}" for letter in key.encode()),
    "base64": lambda key: base64.b64encode(f"user:{key}".encode()).decode(),
    "base64 for URLs": lambda key: base64.urlsafe_b64encode(f"?>{key}".encode()).decode(),
    "base64 twice": lambda key: base64.b64encode(base64.b64encode(key.encode())).decode(),
    "base64 with line ends": lambda key: json.dumps(base64.encodebytes((f"{'text ' * 20}{key}").encode()).decode())[
        1:-1
    ],
    "base64 in short lines": lambda key: json.dumps(
        "\r\n".join(textwrap.wrap(base64.b64encode(key.encode()).decode(), 40))
    )[1:-1],
    "base64 of UTF-16": lambda key: base64.b64encode(key.encode("utf-16-le")).decode(),
    "gzip in base64": lambda key: base64.b64encode(gzip.compress(key.encode())).decode(),
    "zlib in base64": lambda key: base64.b64encode(zlib.compress(key.encode())).decode(),
    "zstd in base64": lambda key: base64.b64encode(zstandard.compress(key.encode())).decode(),
    "zero-width letters": "\u200b".join,
    "zero-width letters, escaped": "\\u200b".join,
    "soft hyphens": lambda key: f"{key[:10]}\u00ad{key[10:]}",
    "joiners": lambda key: f"{key[:10]}\u2060{key[10:]}",
    "HTML": lambda key: html.escape(f"<code>{key}</code>"),
    "Markdown": lambda key: f"`{key}`",
    "quoted-printable": lambda key: "".join(f"={ord(letter):02X}" for letter in key),
    "octal": lambda key: "".join(f"\\\\{ord(letter):03o}" for letter in key),
    "u with braces": lambda key: "".join(f"\\\\u{{{ord(letter):x}}}" for letter in key),
    "base32": lambda key: base64.b32encode(key.encode()).decode(),
    "full-width letters": lambda key: "".join(chr(ord(letter) + 0xFEE0) for letter in key),
    "after a colon": lambda key: f"key:{key}.",
}


def streamed(pieces, shape):
    return "".join(f"data: {json.dumps(shape(piece))}\n\n" for piece in pieces).encode() + b"data: [DONE]\n\n"


def cut(text, size):
    return [text[at : at + size] for at in range(0, len(text), size)]


# Events of streams, by the field that a secret is spelt out in.
STREAMS = {
    "content": lambda piece: {"choices": [{"index": 0, "delta": {"content": piece}}]},
    "reasoning": lambda piece: {"choices": [{"index": 0, "delta": {"reasoning_content": piece}}]},
    "arguments": lambda piece: {
        "choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}}]
    },
    "thinking": lambda piece: {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "thinking_delta", "thinking": piece},
    },
    "Responses": lambda piece: {
        "type": "response.output_text.delta",
        "item_id": "msg_1",
        "output_index": 0,
        "delta": piece,
    },
    "a summary": lambda piece: {"type": "response.reasoning_summary_text.delta", "item_id": "rs_1", "delta": piece},
    "Gemini": lambda piece: {"candidates": [{"content": {"parts": [{"text": piece}]}}]},
    "a field of nobody's": lambda piece: {"x": {"y": [piece]}},
}
PACKED = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
    "gzip, br": lambda data: brotli.compress(gzip.compress(data)),
}


@pytest.fixture(autouse=True)
def quiet(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


class Field:
    """Plants one secret after the other, each in a cassette of its own."""

    def __init__(self, folder, url):
        self.folder, self.url = folder, url
        self.outcomes = {}

    def plant(self, name, ask, *written, known=()):
        """``ask(client, url)`` with a secret; ``written`` is what must not stand in the file, in any spelling."""
        path = self.folder / "a.json"
        path.unlink(missing_ok=True)
        try:
            with open_tape(path, mode="record", provenance=FROM, secrets=known), httpx.Client() as client:
                ask(client, self.url)
            text = path.read_text()
            spellings = [text, re.sub(r"\\+", "", text), json.dumps(text), re.sub(r"[\u200b\u2060\u00ad]", "", text)]
            leaked = any(one in spelling for one in written for spelling in spellings)
            self.outcomes[name] = "LEAKED" if leaked else "redacted"
        except LeakError:
            self.outcomes[name] = "refused"
        for left in self.folder.glob("a*.json*"):
            left.unlink()

    def leaked(self):
        found = list(self.outcomes.values())
        print({one: found.count(one) for one in sorted(set(found))}, "of", len(found))
        return [name for name, outcome in self.outcomes.items() if outcome == "LEAKED"]


@pytest.fixture
def field(tmp_path, served):
    return Field(tmp_path, served.url)


def random_part(key):
    return key.split("-----")[2].strip()[:64] if "PRIVATE" in key else max(re.findall(r"[A-Za-z0-9]{8,}", key), key=len)


def test_unknown_keys_of_every_kind_in_a_prompt_an_answer_and_an_env_file(field):
    for kind, key in KINDS.items():
        field.plant(
            f"{kind} in a prompt",
            lambda c, url, k=key: c.post(f"{url}/plain", content=asks(f"use {k} please")),
            random_part(key),
        )
        field.plant(
            f"{kind} in an .env",
            lambda c, url, k=key: c.post(f"{url}/plain", content=asks(f"A=1\nB=2\n{k}\n")),
            random_part(key),
        )
    assert len(field.outcomes) == 2 * len(KINDS)
    assert field.leaked() == []


@pytest.mark.parametrize(
    "kind",
    ["OpenAI project", "Groq", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("Anthropic", "DeepSeek"))],
)
def test_unknown_keys_in_every_writing(field, kind):
    key = KINDS[kind]
    for name, write in WRITINGS.items():
        body = asks("PLANT").replace("PLANT", write(key))
        field.plant(
            f"{name}, asked",
            lambda c, url, b=body: c.post(f"{url}/plain", content=b.encode()),
            random_part(key),
            write(key),
        )
        field.plant(
            f"{name}, answered",
            lambda c, url, b=body: c.post(f"{url}/echo/ok", content=b.encode()),
            random_part(key),
            write(key),
        )
    assert field.leaked() == []


@pytest.mark.parametrize("size", [1, 7, *(pytest.param(size, marks=pytest.mark.slow) for size in (3, 11))])
def test_keys_spelt_out_over_the_events_of_a_stream(field, size):
    for name, shape in STREAMS.items():
        for known in ((), (SHORT,)):
            body = streamed(["It is ", *cut(SHORT, size), ", keep it"], shape)

            def ask(client, url, sent=body):
                with client.stream("POST", f"{url}/echo/sse", content=sent) as answer:
                    assert answer.read() == sent

            pieces = json.dumps(cut(SHORT, size)[3:6])[1:-1]
            field.plant(f"{name}, {'known' if known else 'by shape'}", ask, random_part(SHORT), pieces, known=known)
            if known:
                assert field.outcomes[f"{name}, known"] == "redacted"
    assert field.leaked() == []


def test_packed_bodies_of_every_encoding(field):
    filler = "".join(DRAW.choice(string.printable) for _ in range(200_000)).replace('"', "")
    for name, pack in PACKED.items():
        for size, text in {"small": f"it is {KEY}", "large": f"{filler} {KEY}"}.items():
            body = pack(asks(text).encode())
            coding = {"content-encoding": name}
            stored = base64.b64encode(body[:3000]).decode()[:2000]
            field.plant(
                f"{name} {size} asked",
                lambda c, url, b=body, h=coding: c.post(f"{url}/plain", content=b, headers=h),
                random_part(KEY),
                stored,
            )
            kind = name.replace(", ", "+")
            field.plant(
                f"{name} {size} answered",
                lambda c, url, b=body, k=kind: c.post(f"{url}/echo/coded-{k}", content=b),
                random_part(KEY),
                stored,
            )
    assert field.leaked() == []


WEAK = ["letmein-now", "Tr0ub4dor", "opensesame", "hunter2hunter", "correct horse battery", "P@ssw0rd!2026"]
STRONG = [drawn(32), hexed(40), uuid()]
FORM = {"content-type": "application/x-www-form-urlencoded"}
# Each sends one secret where its documentation wants it.
PLACES = {
    "bearer": lambda c, url, s: c.post(f"{url}/plain", headers={"authorization": f"Bearer {s}"}),
    "authorization alone": lambda c, url, s: c.post(f"{url}/plain", headers={"authorization": s}),
    "x-api-key": lambda c, url, s: c.post(f"{url}/plain", headers={"x-api-key": s}),
    "api-key": lambda c, url, s: c.post(f"{url}/plain", headers={"api-key": s}),
    "x-goog-api-key": lambda c, url, s: c.post(f"{url}/plain", headers={"x-goog-api-key": s}),
    "ocp-apim-subscription-key": lambda c, url, s: c.post(f"{url}/plain", headers={"ocp-apim-subscription-key": s}),
    "cf-access-client-secret": lambda c, url, s: c.post(f"{url}/plain", headers={"cf-access-client-secret": s}),
    "x-auth-token": lambda c, url, s: c.post(f"{url}/plain", headers={"x-auth-token": s}),
    "proxy-authorization": lambda c, url, s: c.post(f"{url}/plain", headers={"proxy-authorization": f"Bearer {s}"}),
    "basic": lambda c, url, s: c.post(f"{url}/plain", auth=("me", s)),
    "basic, as the name": lambda c, url, s: c.post(f"{url}/plain", auth=(s, "")),
    "a session cookie": lambda c, url, s: c.post(f"{url}/plain", headers={"cookie": f"a=b; session={quote(s)}"}),
    "query api_key": lambda c, url, s: c.post(f"{url}/plain", params={"api_key": s}),
    "query client_secret": lambda c, url, s: c.post(f"{url}/plain", params={"client_secret": s}),
    "query code": lambda c, url, s: c.post(f"{url}/plain", params={"code": s}),
    "query subscription-key": lambda c, url, s: c.post(f"{url}/plain", params={"subscription-key": s}),
    "query X-Goog-Signature": lambda c, url, s: c.post(f"{url}/plain", params={"X-Goog-Signature": s}),
    "query sig": lambda c, url, s: c.post(f"{url}/plain", params={"sig": s}),
    "authorization_token": lambda c, url, s: c.post(
        f"{url}/plain", json={"mcp_servers": [{"url": "https://m.test", "authorization_token": s}]}
    ),
    "MCP authorization": lambda c, url, s: c.post(
        f"{url}/plain", json={"tools": [{"type": "mcp", "authorization": s}]}
    ),
    "MCP headers": lambda c, url, s: c.post(
        f"{url}/plain", json={"tools": [{"type": "mcp", "headers": {"X-Vault": s}}]}
    ),
    "MCP bearer": lambda c, url, s: c.post(
        f"{url}/plain", json={"tools": [{"type": "mcp", "headers": {"Authorization": f"Bearer {s}"}}]}
    ),
    "data_sources key": lambda c, url, s: c.post(
        f"{url}/plain",
        json={
            "data_sources": [
                {
                    "type": "azure_search",
                    "parameters": {"endpoint": "https://s.test", "authentication": {"type": "api_key", "key": s}},
                }
            ]
        },
    ),
    "api_key": lambda c, url, s: c.post(f"{url}/plain", json={"model": "m", "api_key": s}),
    "apiKey": lambda c, url, s: c.post(f"{url}/plain", json={"apiKey": s}),
    "password": lambda c, url, s: c.post(f"{url}/plain", json={"username": "me", "password": s}),
    "client_secret": lambda c, url, s: c.post(f"{url}/plain", json={"client_secret": s}),
    "form client_secret": lambda c, url, s: c.post(
        f"{url}/plain", data={"grant_type": "client_credentials", "client_secret": s}
    ),
    "form password": lambda c, url, s: c.post(
        f"{url}/plain", data={"grant_type": "password", "username": "me", "password": s}
    ),
    "multipart api_key": lambda c, url, s: c.post(
        f"{url}/plain", data={"api_key": s}, files={"file": ("a.txt", b"text")}
    ),
    "an answer's access_token": lambda c, url, s: c.post(
        f"{url}/echo/ok", json={"access_token": s, "token_type": "Bearer"}
    ),
    "an answer's client secret": lambda c, url, s: c.post(
        f"{url}/echo/ok", json={"client_secret": {"value": s, "expires_at": 1}}
    ),
    "XML": lambda c, url, s: c.post(f"{url}/plain", content=f"<a><wsse:Password>{s}</wsse:Password></a>".encode()),
    "JSON in a form": lambda c, url, s: c.post(f"{url}/plain", data={"payload": json.dumps({"api_key": s})}),
    "JSON in a part": lambda c, url, s: c.post(f"{url}/plain", files={"meta": (None, json.dumps({"api_key": s}))}),
    "variables of a tool": lambda c, url, s: c.post(f"{url}/plain", json={"tools": [{"env": {"SOME_TOKEN": s}}]}),
    "a path's jsessionid": lambda c, url, s: c.post(f"{url}/plain;jsessionid={quote(s, safe='')}"),
    "Location": lambda c, url, s: c.post(
        f"{url}/echo/307/{quote(s, safe='')}&token={quote(s, safe='')}", content=b"{}"
    ),
}
# How it comes back in the next answer.
ECHOES = {
    "said": lambda s: asks(f"your key {s} is wrong"),
    "in an error": lambda s: json.dumps({"error": {"message": f"Incorrect API key provided: {s}."}}),
    "at the beginning of a line": lambda s: asks(f"first\n{s}\nlast"),
    "escaped": lambda s: asks("PLANT").replace("PLANT", escapes(s)),
    "JSON in JSON": lambda s: asks(json.dumps({"you": s})),
}


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["an echo", "every echo"])
@pytest.mark.parametrize("place", PLACES)
def test_what_stands_where_secrets_stand_is_redacted_there_and_in_its_echoes(field, place, every):
    for turn, secret in enumerate((*WEAK, *STRONG)):
        turn_of = list(ECHOES)[turn % len(ECHOES)]
        for name, text in {name: echo(secret) for name, echo in ECHOES.items() if every or name == turn_of}.items():

            def ask(client, url, s=secret, text=text):
                client.follow_redirects = False
                PLACES[place](client, url, s)
                client.post(f"{url}/echo/ok", content=text.encode())

            field.plant(
                f"{secret} {name}", ask, secret, quote(secret, safe=""), json.dumps(secret)[1:-1], escapes(secret)
            )
    assert field.leaked() == []

"""Other single plants than those of ``test_plants.py``: kinds, places and writings of a second look, one secret each."""

from __future__ import annotations

import base64
import bz2
import gzip
import json
import lzma
import re
import string
from urllib.parse import quote, urlencode

import brotli
import pytest

from harness.cassette import Cassette, save
from harness.cassette.secrets.redaction import Redactor
from harness.core.errors import LeakError
from harness.core.exchange import Chunk, Exchange, HttpRequest, HttpResponse, Provenance
from tests.cassette.letters import Letters

FROM = Provenance("synthetic", "2026-01-01T00:00:00+00:00", "a test")
JSON = (("content-type", "application/json"),)
DRAW = Letters(99)
drawn, hexed, uuid = DRAW.drawn, DRAW.hexed, DRAW.uuid
UPPER = string.ascii_uppercase + string.digits
KINDS = {
    "Gemini's new keys": f"AQ.Ab8RN6{drawn(44)}",
    "Anthropic session": f"sk-ant-sid01-{drawn(86)}",
    "Voyage": f"pa-{drawn(43)}",
    "Jina": f"jina_{drawn(60)}",
    "Firecrawl": f"fc-{hexed(32)}",
    "RunPod": f"rpa_{drawn(38, UPPER)}",
    "Vercel's gateway": f"vck_{drawn(56)}",
    "Supabase": f"sb_secret_{drawn(31)}",
    "Neon": f"napi_{drawn(64).lower()}",
    "PlanetScale": f"pscale_tkn_{drawn(43)}",
    "New Relic": f"NRAK-{drawn(27, UPPER)}",
    "Airtable": f"pat{drawn(14)}.{hexed(64)}",
    "Figma": f"figd_{drawn(40)}",
    "Sendinblue": f"xkeysib-{hexed(64)}-{drawn(16)}",
    "a Slack app": f"xapp-1-A{drawn(10, UPPER)}-1234567890123-{hexed(64)}",
    "Stripe's restricted": f"rk_live_{drawn(24)}",
    "Dropbox": f"sl.B{drawn(130)}",
    "HubSpot": f"pat-na1-{uuid()}",
    "Terraform": f"{drawn(14)}.atlasv1.{drawn(67)}",
    "Baidu": f"bce-v3/ALTAK-{drawn(21)}/{hexed(40)}",
    "Kimi": f"sk-kimi-{drawn(64)}",
    "Cartesia": f"sk_car_{drawn(22)}",
    "Predibase": f"pb_{'a1B2' + drawn(18)}",
    "Mem0": f"m0-{drawn(40)}",
    "Brave": f"BSA{'a1B2' + drawn(24)}",
    "fal": f"FAL_KEY={uuid()}:{hexed(32)}",
    "Redis": f"redis://:{drawn(24)}@cache.test:6379/0",
    "Azure storage": f"AccountName=a;AccountKey={base64.b64encode(DRAW.randbytes(64)).decode()};EndpointSuffix=x",
    "ADO.NET": f"Server=tcp:x.test;User ID=u;Password={drawn(18)};",
    "npmrc": f"//registry.npmjs.org/:_authToken={drawn(36)}",
    "wget": f"wget --header='X-Api-Key: {drawn(40)}' https://a.test",
    "Python": f'api_key = "{drawn(40)}"',
    "an attribute": f'<add key="ApiKey" value="{drawn(40)}"/>',
    "a name and a value": json.dumps({"name": "x-api-key", "value": drawn(40)}),
    "behind a tab": f"\tOPENAI_API_KEY\t{drawn(40)}",
    "in words": f"my api key is {drawn(40)}",
    "PowerShell": f"$env:OPENROUTER_API_KEY='{drawn(40)}'",
}
KEY = f"sk-proj-{drawn(74)}T3BlbkFJ{drawn(74)}"


def letters(text, form, between=""):
    return between.join(form.format(ord(letter)) for letter in text)


# What is written in a prompt. Those of KNOWN are searched for a value that is known, and not by shape.
WRITINGS = {
    "percent, twice": lambda k: letters(k, "%25{:02X}"),
    "a data URL": lambda k: f"data:text/plain;base64,{base64.b64encode(k.encode()).decode()}",
    "entities without an end": lambda k: letters(k, "&#{}"),
    "CSS": lambda k: letters(k, "\\{:x} "),
    "hex of gzip": lambda k: gzip.compress(k.encode()).hex(),
    "bz2 in base64": lambda k: base64.b64encode(bz2.compress(k.encode())).decode(),
    "xz in base64": lambda k: base64.b64encode(lzma.compress(k.encode())).decode(),
    "br in base64": lambda k: base64.b64encode(brotli.compress(k.encode())).decode(),
    "Markdown's escapes": lambda k: re.sub(r"([-_])", r"\\\1", k),
    "a place to break": lambda k: f"{k[:20]}<wbr>{k[20:]}",
    "half of it bold": lambda k: f"<b>{k[:20]}</b>{k[20:]}",
    "colours of a terminal": lambda k: f"{k[:20]}\x1b[0m\x1b[31m{k[20:]}",
    "NUL between": "\0".join,
    "code points": lambda k: letters(k, "U+{:04X}", " "),
    "letters of mathematics": lambda k: "".join(
        chr(0x1D5D4 + ord(c) - 65) if c.isupper() else chr(0x1D5EE + ord(c) - 97) if c.islower() else c for c in k
    ),
    "octal": lambda k: letters(k, "\\{:o}"),
    "base32, small": lambda k: base64.b32encode(k.encode()).decode().lower(),
    "hex in fours": lambda k: " ".join(re.findall("....", k.encode().hex())),
    "a claim of a JWT": lambda k: (
        f"eyJhbGciOiJub25lIn0.{base64.urlsafe_b64encode(json.dumps({'k': k}).encode()).decode()}.x"
    ),
    "JSON in base64": lambda k: base64.b64encode(json.dumps({"api_key": k}).encode()).decode(),
    "a name in JSON": lambda k: json.dumps({k: 1}),
}
KNOWN = {
    "rot13": lambda k: k.translate(str.maketrans(string.ascii_letters, ROTATED)),
    "backwards": lambda k: k[::-1],
    "spaced": " ".join,
    "base85": lambda k: base64.b85encode(f"key {k}".encode()).decode(),
    "Ascii85": lambda k: base64.a85encode(f"key: {k}".encode()).decode(),
}
ROTATED = (
    string.ascii_lowercase[13:]
    + string.ascii_lowercase[:13]
    + string.ascii_uppercase[13:]
    + string.ascii_uppercase[:13]
)


def sent(body=b"{}", url="https://api.a.test/v1/x", headers=JSON, answer=b'{"ok":true}', came=JSON):
    return Exchange(HttpRequest("POST", url, headers, body), HttpResponse(200, came, (Chunk(answer),)))


def in_header(name, form="{}"):
    return lambda s: sent(headers=(*JSON, (name, form.format(s))))


def in_answers_header(name, form):
    return lambda s: sent(came=(*JSON, (name, form.format(quote(s)))))


def in_query(name):
    return lambda s: sent(url=f"https://api.a.test/v1?{name}={quote(s, safe='')}&a=1")


def in_form(name):
    form = (("content-type", "application/x-www-form-urlencoded"),)
    return lambda s: sent(urlencode({"grant_type": "x", name: s}).encode(), headers=form)


def in_json(*path):
    def made(s):
        value = s
        for name in reversed(path):
            value = {name: value}
        return sent(json.dumps(value).encode())

    return made


# Each carries a secret that has no shape where its documentation wants it; the next answer says it again.
PLACES = {
    "x-forwarded-authorization": in_header("x-forwarded-authorization"),
    "x-vault-token": in_header("x-vault-token"),
    "dd-api-key": in_header("dd-api-key"),
    "private-token": in_header("private-token"),
    "helicone-auth": in_header("helicone-auth", "Bearer {}"),
    "a bot": in_header("authorization", "Bot {}"),
    "Snowflake": in_header("authorization", 'Snowflake Token="{}"'),
    "Digest": in_header("authorization", 'Digest username="u", response="{}"'),
    "a WebSocket's protocol": in_header("sec-websocket-protocol", "realtime, openai-insecure-api-key.{}"),
    "referer": in_header("referer", "https://a.test/?token={}"),
    "a short cookie": in_header("cookie", "a=1; sid={}; theme=dark"),
    "set-cookie": in_answers_header("set-cookie", "sid={}; Path=/"),
    "Location's fragment": in_answers_header("location", "https://a.test/cb#access_token={}&x=1"),
    "Link": in_answers_header("link", '<https://a.test/n?access_token={}>; rel="next"'),
    "Refresh": in_answers_header("refresh", "0; url=https://a.test/?token={}"),
    "a URL's password": lambda s: sent(url=f"https://u:{quote(s, safe='')}@api.a.test/v1"),
    **{
        f"query {name}": in_query(name)
        for name in (
            "private_key",
            "passphrase",
            "oauth_token",
            "appkey",
            "authkey",
            "assertion",
            "jwt",
            "X-Amz-Signature",
        )
    },
    **{
        f"form {name}": in_form(name)
        for name in (
            "secret",
            "passwd",
            "device_code",
            "subject_token",
            "code_verifier",
            "id_token",
            "pwd",
            "passphrase",
            "actor_token",
        )
    },
    **{
        f"field {name}": in_json("a", name)
        for name in (
            *("aws_secret_access_key", "bot_token", "sessionToken", "personal_access_token", "apiToken"),
            *("oauth_token", "openaiApiKey", "webhook_secret", "connection_string", "signing_secret", "encryption_key"),
        )
    },
    "variables": in_json("mcpServers", "x", "env", "NOTION_TOKEN"),
    "a server's URL": lambda s: sent(
        json.dumps({"tools": [{"server_url": f"https://m.test/?api_key={quote(s)}"}]}).encode()
    ),
    "an image's URL": lambda s: sent(
        json.dumps({"image_url": {"url": f"https://a.test/i.png?sig={quote(s)}"}}).encode()
    ),
    "SOAP": lambda s: sent(f"<x:Secret>{s}</x:Secret>".encode(), headers=(("content-type", "text/xml"),)),
}
SHORT, LONG = "Tr0ub4dor-x", drawn(30)


def outcome(path, exchanges, *written, known=()):
    """What became of a secret: no spelling of it may stand in the file."""
    learning = Redactor(known)
    for one in exchanges:
        learning.learn(one.request, one.response)
    redactor = learning.with_fresh_numbers()
    path.unlink(missing_ok=True)
    try:
        save(path, Cassette(FROM, tuple(map(redactor.exchange, exchanges))), secrets=(*known, *learning.secrets))
    except LeakError:
        return "refused"
    text = path.read_text()
    spellings = text, re.sub(r"\\+", "", text)
    return "LEAKED" if any(one in spelling for one in written for spelling in spellings) else "redacted"


def asks(text):
    return json.dumps({"messages": [{"role": "user", "content": text}]}).encode()


def leaked(outcomes):
    found = list(outcomes.values())
    print({one: found.count(one) for one in sorted(set(found))}, "of", len(found))
    return [name for name, one in outcomes.items() if one == "LEAKED"]


def test_kinds_in_prompts_and_answers(tmp_path):
    made = {}
    for name, key in KINDS.items():
        part = max(re.findall(r"[A-Za-z0-9]{8,}", key), key=len)
        made[f"{name}, asked"] = outcome(tmp_path / "a.json", [sent(asks(f"use\n{key}\nplease"))], part)
        made[f"{name}, answered"] = outcome(tmp_path / "a.json", [sent(answer=asks(f"it is {key} ok"))], part)
    assert leaked(made) == []


@pytest.mark.parametrize("known", [False, True])
def test_writings(tmp_path, known):
    made = {}
    for name, write in {**WRITINGS, **(KNOWN if known else {})}.items():
        text = write(KEY)
        written = KEY[20:60], json.dumps(text)[30:60], json.dumps(text, ensure_ascii=False)[30:60]
        secrets = (KEY,) if known else ()
        made[f"{name}, asked"] = outcome(tmp_path / "a.json", [sent(asks(text))], *written, known=secrets)
        made[f"{name}, answered"] = outcome(tmp_path / "a.json", [sent(answer=asks(text))], *written, known=secrets)
    assert leaked(made) == []


def test_places_and_their_echoes(tmp_path):
    made = {}
    for name, carry in PLACES.items():
        for secret in (SHORT, LONG):
            echo = sent(answer=asks(f"you sent {secret} ok"))
            made[f"{name}, {secret}"] = outcome(
                tmp_path / "a.json", [carry(secret), echo], secret, quote(secret, safe="")
            )
    assert len(KINDS) + len(WRITINGS) + len(KNOWN) + len(PLACES) >= 111
    assert leaked(made) == []


def test_what_only_looks_like_one_stays(tmp_path):
    """Ordinary texts beside the names, words and writings that were added."""
    texts = [
        "the key is under the mat, the password is secret and the token is 12345",
        'logprobs: {"token": "Hello", "bytes": [72, 101]}',
        "see https://a.test/page?ticket=none&code=200 and <b>bold</b> words </span> here",
        "C:\\_temp\\-x and \\033[0m, U+0041, \\12 \\34, pb_release, sl.example.com, m0-9, BSA Foundation",
        'fetch(url, {"credentials": "same-origin"}) and https://a.test/issues?ticket=PROJ-1234',
        "a table:\n| key | value |\n| --- | --- |\n| colour | dark-blue-2026 |",
    ]
    for text in texts:
        exchange = sent(asks(text), answer=asks(text))
        assert Redactor().exchange(exchange) == exchange
        assert outcome(tmp_path / "a.json", [exchange]) == "redacted"


def test_words_in_urls_and_fields_are_no_secrets():
    """What a URL in a body says in words stays, there and in the answer."""
    for asked in (
        {"url": "https://a.test/run?code=python&key=weather"},
        {"credentials": "include"},
        {"image_url": {"url": "https://a.test/i?id=1&w=200"}},
    ):
        exchange = sent(json.dumps(asked).encode(), answer=asks("use python to include the weather"))
        assert Redactor().exchange(exchange).response == exchange.response

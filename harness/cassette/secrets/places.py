"""Where secrets stand by the documentation of those who take them: headers, fields, parameters of URLs."""

from __future__ import annotations

import base64
import binascii
import re
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, unquote_plus, unquote_to_bytes, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harness.core.exchange import Headers

RECORDED_REQUEST_HEADERS = frozenset(
    {"accept", "content-encoding", "content-type", "anthropic-version", "anthropic-beta"}
)


class Dropped(NamedTuple):
    """A response header, or a pattern of some, that is not recorded."""

    name: str
    why: str


DROPPED_RESPONSE_HEADERS = (
    Dropped("set-cookie", "a secret: it stands for a session"),
    Dropped("set-cookie2", "a secret: it stands for a session"),
    Dropped("authorization", "a secret"),
    Dropped("authentication-info", "follows from a secret"),
    Dropped("proxy-*", "of one connection"),
    Dropped("*api-key*", "a secret"),
    Dropped("*-secret", "a secret"),
    Dropped("*-secret-*", "a secret"),
    Dropped("*-password", "a secret"),
    Dropped("*-signature", "a secret: it stands for a request"),
    Dropped("*auth-token", "a secret"),
    Dropped("*access-token", "a secret"),
    Dropped("*refresh-token", "a secret"),
    Dropped("*security-token", "a secret"),
    Dropped("*csrf-token", "a secret"),
    Dropped("*xsrf-token", "a secret"),
    Dropped("connection", "of one connection"),
    Dropped("keep-alive", "of one connection"),
    Dropped("te", "of one connection"),
    Dropped("trailer", "of one connection"),
    Dropped("transfer-encoding", "of one connection"),
    Dropped("upgrade", "of one connection"),
    Dropped("alt-svc", "of one connection: a client would ask another port"),
    Dropped("content-length", "worked out from the body"),
    Dropped("date", "volatile: the time of one answer"),
    Dropped("age", "volatile: the time in a cache"),
    Dropped("expires", "volatile: a time"),
    Dropped("server-timing", "volatile: how long it took"),
    Dropped("*processing-ms", "volatile: how long it took"),
    Dropped("*-upstream-service-time", "volatile: how long it took"),
    Dropped("*-latency", "volatile: how long it took"),
    Dropped("x-runtime", "volatile: how long it took"),
    Dropped("x-response-time", "volatile: how long it took"),
    Dropped("cf-ray", "volatile: a number of the CDN"),
    Dropped("cf-cache-status", "volatile: a state of the CDN"),
    Dropped("x-amz-cf-*", "volatile: numbers of the CDN"),
    Dropped("x-cache*", "volatile: a state of the CDN"),
    Dropped("x-served-by", "volatile: a machine of the CDN"),
    Dropped("x-timer", "volatile: a time of the CDN"),
    Dropped("via", "volatile: the way that one answer took"),
    Dropped("nel", "volatile: where errors are reported"),
    Dropped("report-to", "volatile: where errors are reported"),
    Dropped("reporting-endpoints", "volatile: where errors are reported"),
    Dropped("x-harness-*", "our own server's"),
)
"""Every other header of an answer is recorded and replayed. Settings add to it (``drop_headers``)."""

# Headers of a request that hold nothing secret; what stands in any other is looked at.
_HARMLESS = frozenset(
    [
        *("accept", "accept-charset", "accept-encoding", "accept-language", "allow", "cache-control"),
        *("connection", "content-disposition", "content-encoding", "content-language", "content-length"),
        *("content-type", "date", "dnt", "expect", "from", "host", "idempotency-key", "if-match"),
        *("if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "keep-alive", "last-event-id"),
        *("max-forwards", "origin", "pragma", "prefer", "priority", "range", "referer", "retry-after", "te"),
        *("trailer", "transfer-encoding", "upgrade", "upgrade-insecure-requests", "user-agent", "via", "warning"),
        *("x-request-id", "x-correlation-id", "x-client-request-id", "traceparent", "tracestate", "baggage", "b3"),
        *("http-referer", "x-title", "anthropic-version", "anthropic-beta", "openai-organization"),
        *("openai-project", "openai-beta", "mcp-session-id", "mcp-protocol-version", "x-goog-user-project"),
        *("x-goog-api-client", "x-goog-request-params", "x-amz-date", "x-amz-content-sha256", "x-amz-target"),
        *("x-amzn-bedrock-accept", "amz-sdk-request", "amz-sdk-invocation-id", "x-amz-user-agent", "x-ms-date"),
        *("x-ms-client-request-id", "x-ms-version", "x-ms-useragent", "x-litellm-version"),
        *("anthropic-dangerous-direct-browser-access", "x-app", "x-forwarded-for", "x-forwarded-host"),
        *("x-forwarded-port", "x-forwarded-prefix", "x-forwarded-proto", "langsmith-project"),
    ]
)
_HARMLESS_STARTS = ("x-stainless-", "sec-", "x-goog-upload-", "x-datadog-", "x-b3-", "x-harness-")
_SECRET_HEADER = re.compile(
    r"auth|secret|token|password|passwd|credential|signature|cookie|session|jwt|bearer|(?:^|[-_])(?:api)?[-_]?key(?:$|[-_])"
)
_SCHEME = re.compile(r"(?:Bearer|Basic|Token|ApiKey|Api-Key|Key)\s+", re.IGNORECASE)
_OTHER_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,20}\s+(\S+)")
# Only these of a signature's words are secret; the others stand in every URL.
_SIGNED = re.compile(r"(?:Credential|[Ss]ignature)=\"?([^/,;\s\"]+)")
_PAIR = re.compile(r"(?:^|;)\s*([\w.%-]+)=\"?([^;\"]*)")
_COOKIE_WORDS = frozenset(
    {"path", "domain", "expires", "max-age", "samesite", "version", "comment", "priority", "partitioned"}
)
_SECRET_COOKIE = re.compile(r"sess|sid|token|auth|jwt|csrf|xsrf|secret|key|pass|login", re.IGNORECASE)

PARAMETER_NAMES = (
    "key|api[-_]?key|access[-_]?token|refresh[-_]?token|id[-_]?token|auth[-_]?token|token|sig|signature|password|passwd|"
    "pwd|secret|client[-_]?secret|client[-_]?assertion|assertion|code|code[-_]verifier|subscription-key|authorization|auth|"
    "jwt|x-amz-[a-z-]+|x-goog-(?:signature|credential)|hmac|access[-_]?key(?:id)?|awsaccesskeyid|session[-_]?token|"
    "jsessionid|phpsessid|session[-_]?id|sid|private[-_]?key|passphrase|oauth[-_]?token|app[-_]?key|auth[-_]?key|"
    "device[-_]code|subject[-_]token"
)
_IN_URL = re.compile(rf"[?&#;](?:{PARAMETER_NAMES})=([^&#;\s>]+)", re.IGNORECASE)
_LINK = re.compile(rb"https?:(?:\\?/){2}[^\s\"'<>?]{1,2048}\?[^\s\"'<>]{1,4096}")
_JSON_AMPERSAND = re.compile(rb"\\u0026|&amp;")

_FIELDS = frozenset(
    [
        *("authorizationtoken", "apikey", "apitoken", "apisecret", "appsecret", "password", "passwd", "passphrase"),
        *("clientsecret", "clientassertion", "accesstoken", "refreshtoken", "idtoken", "authtoken", "bearertoken"),
        *("securitytoken", "sessiontoken", "secretkey", "secretaccesskey", "accesskeysecret", "privatekey"),
        *("authorization", "xapikey", "connectionstring", "signingsecret", "webhooksecret", "subscriptionkey"),
        *("accountkey", "sastoken", "secret", "encryptionkey", "masterkey", "adminkey", "proxyauthorization"),
        *("personalaccesstoken",),
    ]
)
# Behind the name of whose it is: `openaiApiKey`, `aws_secret_access_key`.
_FIELD_SUFFIXES = (
    *("accesstoken", "apikey", "apitoken", "authtoken", "bearertoken", "bottoken", "oauthtoken", "sessiontoken"),
    *("clientsecret", "privatekey", "secretaccesskey", "secretkey"),
)
_URL_FIELDS = frozenset({"url", "uri", "server_url", "base_url", "endpoint", "image_url", "file_url"})
# OAuth's own: no model has them for an argument of a tool.
_EVERYWHERE = frozenset({"accesstoken", "refreshtoken", "idtoken", "clientsecret"})
# What a user or a model put there: a field called password is what it is about, not what lets one in.
_OPAQUE = frozenset(
    [
        *("arguments", "args", "input", "parameters", "input_schema", "inputSchema", "json_schema", "schema"),
        *("properties", "default", "example", "examples", "response", "result", "output", "content", "metadata"),
        *("partial_json",),
    ]
)
_SOURCES = frozenset({"data_sources", "dataSources"})
_UNDER_SOURCES = frozenset({"key", "token", "apikey", "accesstoken", "encodedapikey", "connectionstring", "password"})
_HEADERS = frozenset({"headers", "extra_headers", "http_headers", "default_headers", "requestheaders"})
_VARIABLES = frozenset({"env", "environment", "variables"})
_FOLDED = re.compile(r"[-_\s]")
_FIELD_NAMES = re.compile(
    rb'"(?i:[a-z_-]{0,24}(?:token|key|secret|passw(?:or)?d|passphrase|authorization|assertion|string|headers))"\s{0,20}:'
)
_URL_WITH_PARAMETER = re.compile(rb'"[a-z_]{0,9}(?:ur[li]|endpoint)"\s{0,9}:\s{0,9}"[a-z]{2,5}:\\?/\\?/[^"\s]{1,2000}=')
_FIELD_ENDS = tuple(
    f'{end}"'.encode()
    for end in (
        *("_token", "-token", "access_token", "accesstoken", "idtoken", "authtoken", "key", "secret", "password"),
        *("passwd", "passphrase", "authorization", "assertion", "_string", "connectionstring", "headers"),
        *("apitoken", "bearertoken", "bottoken", "oauthtoken", "securitytoken", "sessiontoken", "sastoken"),
    )
)
_FORM_NAME = (
    rb"(?:assertion|client_assertion|client_secret|refresh_token|access_token|id_token|password|api_?key|code_verifier|"
    rb"code|token|secret|passwd|passphrase|pwd|device_code|subject_token|actor_token)"
)
FORM_FIELD = re.compile(rb"(^|&)(" + _FORM_NAME + rb")=([^&\r\n]+)", re.IGNORECASE)
PART_FIELD = re.compile(
    rb'(name="?(?i:[a-z_-]{0,24}(?:token|key|secret|passw(?:or)?d|authorization|assertion))"?[^\r\n]{0,200}\r?\n'
    rb"(?:[^\r\n]{1,400}\r?\n){0,6}\r?\n)([^\r\n]{1,16384})"
)


# In an answer these are read by clients, so their placeholders have the shape of what they stand for.
SHAPED = frozenset({"access_token", "refresh_token", "id_token", "accessToken", "refreshToken", "idToken"})


# In a body that is no JSON: JSON in a part or a parameter, XML, YAML.
_LOOSE = (
    rb"(?:api[_-]?key|secret|password|passwd|client[_-]?secret|(?:access|refresh|auth|id)[_-]?token|secret[_-]?key)"
)
_LOOSE_FIELDS = (
    re.compile(rb'"' + _LOOSE + rb'"\s{0,9}:\s{0,9}"([^"\\]{1,4096})"', re.IGNORECASE),
    re.compile(rb"<(?:[\w-]{1,20}:)?" + _LOOSE + rb"(?:\s[^<>]{0,200})?>([^<>]{1,4096})</", re.IGNORECASE),
    re.compile(rb"^[ \t-]{0,40}" + _LOOSE + rb":[ \t]{1,9}[\"']?([^\s\"']{1,4096})", re.IGNORECASE | re.MULTILINE),
)


def loose_values(body: bytes) -> Iterator[bytes]:
    """What fields of a body that is no JSON hold by their names."""
    plain = unquote_to_bytes(body.replace(b"+", b" ")) if b"%" in body else body
    for pattern in _LOOSE_FIELDS:
        yield from (found[1] for found in pattern.finditer(plain))


def secret_header(name: str) -> bool:
    """Whether a header of this name holds a secret whatever its value looks like."""
    return bool(_SECRET_HEADER.search(name)) and not harmless(name)


def harmless(name: str) -> bool:
    if name == "sec-websocket-protocol":
        return False
    return name in _HARMLESS or name.startswith(_HARMLESS_STARTS) or name.endswith("user-agent")


def of_request(headers: Headers) -> Iterator[tuple[str, bool]]:
    """What the headers of a request carry, each with whether it is secret for sure or only if it looks so."""
    for written, value in headers:
        name = written.lower()
        if harmless(name):
            if "referer" in name:
                yield from ((one, True) for one in of_url(value))
            continue
        if name == "cookie":
            yield from _cookies(value)
        elif name == "sec-websocket-protocol":  # where browsers can set no header, keys are names of protocols
            for one in re.split(r"[,\s]+", value):
                what, _, token = one.rpartition(".")
                yield token, secret_header(what)
        elif signed := _SIGNED.findall(value):
            yield from ((one, True) for one in signed)
        else:
            yield from of_header(value, sure=secret_header(name))


def of_header(value: str, *, sure: bool) -> Iterator[tuple[str, bool]]:
    scheme = _SCHEME.match(value)
    bare = value[scheme.end() :].strip() if scheme else value.strip()
    yield bare, sure or bool(scheme)
    if sure and not scheme and (other := _OTHER_SCHEME.fullmatch(value.strip())):
        yield other[1], True
    if scheme and scheme[0].lower().startswith("basic"):
        try:
            user, _, password = base64.b64decode(bare, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return
        yield password or user, True
        yield f"{user}:{password}", True


def of_response(headers: Headers) -> Iterator[tuple[str, bool]]:
    for written, value in headers:
        name = written.lower()
        if name.startswith("set-cookie"):
            yield from _cookies(value)
        elif "=" in value and ("://" in value or "?" in value or "#" in value):
            yield from ((one, True) for one in of_url(value))
        elif any(fnmatchcase(name, one.name) and "secret" in one.why for one in DROPPED_RESPONSE_HEADERS):
            yield value, True


def _cookies(value: str) -> Iterator[tuple[str, bool]]:
    for name, one in _PAIR.findall(value):
        if name.lower() not in _COOKIE_WORDS:
            yield unquote(one).strip(), bool(_SECRET_COOKIE.search(name))
            if "%" in one:
                yield one.strip(), bool(_SECRET_COOKIE.search(name))


def of_url(url: str) -> Iterator[str]:
    """What a URL carries: a password, and parameters in its query and its fragment."""
    try:
        parts = urlsplit(url)
        password, user = parts.password, parts.username
    except ValueError:
        return
    if password or (user and "@" in parts.netloc):
        yield unquote(password or user or "")
    yield from (unquote_plus(found[1]) for found in _IN_URL.finditer(url))


def of_links(body: bytes) -> Iterator[str]:
    """What signed links in a body carry. Others are anybody's pages (`?code=US`): learn only what is random."""
    for found in _LINK.finditer(body) if b"?" in body else ():
        yield from of_url(_JSON_AMPERSAND.sub(b"&", found[0]).decode("utf-8", "replace"))


def may_hold_fields(body: bytes) -> bool:
    small = body.lower()
    if any(end in small for end in _FIELD_ENDS) and _FIELD_NAMES.search(body) is not None:
        return True
    return b"ur" in small and _URL_WITH_PARAMETER.search(body) is not None


@lru_cache(maxsize=4096)
def dropped(name: str, more: tuple[str, ...] = ()) -> bool:
    """Whether a header of an answer is not recorded."""
    return any(fnmatchcase(name, one.name) for one in DROPPED_RESPONSE_HEADERS) or any(
        fnmatchcase(name, one.lower()) for one in more
    )


def secret_field(path: tuple[str, ...]) -> bool:
    """Whether the text at ``path`` of a JSON body is a secret by its name."""
    if not path:
        return False
    name = _FOLDED.sub("", path[-1]).lower()
    if name in _EVERYWHERE:
        return True
    if any(one in _SOURCES for one in path):
        return name in _UNDER_SOURCES or name in _FIELDS
    if any(one in _OPAQUE for one in path[:-1]):
        return False
    if len(path) > 1 and path[-2] in _HEADERS:
        return not harmless(path[-1].lower())
    if len(path) > 1 and path[-2] in _VARIABLES:
        return bool(_SECRET_HEADER.search(path[-1].lower()))
    if name == "value" and len(path) > 1:
        return _FOLDED.sub("", path[-2]).lower() == "clientsecret"
    return name in _FIELDS or name.endswith(_FIELD_SUFFIXES)


def url_field(path: tuple[str, ...], text: str) -> bool:
    """Whether the text at ``path`` is a URL with parameters, by its name."""
    return bool(path) and path[-1] in _URL_FIELDS and "=" in text and "://" in text[:12]


def part_values(body: bytes) -> Iterable[bytes]:
    return (found[2] for found in PART_FIELD.finditer(body))

"""What a tape lets pass beside its own exchanges (hosts by name, address or pattern, with or without a port), what it
counted of the rest, and the requests that libraries make for their own ends: traces, usage counts, price lists. None of
these is part of what a test does.

While a tape is open they are neither recorded nor answered. A row is a host (``*`` for any part of it), how the path
begins, and where that is written down. Only what *sends* such data is listed: a prompt that a test fetches from
Langfuse is the test's own.
"""

from __future__ import annotations

import functools
import ipaddress
from collections import Counter
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from harness.core.errors import CassetteMiss, UsageError
from harness.core.exchange import header

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.core.exchange import HttpRequest

LOOPBACK = "loopback"
_HERE = frozenset({"localhost", "ip6-localhost", "localhost.localdomain", LOOPBACK, ""})
QUIET = "refused by harness: side traffic is neither recorded nor answered while a tape is open"

WEBSOCKET = "a WebSocket, which is neither recorded nor replayed; turn it off in the client, so that it asks over HTTP"


def is_loopback(host: str) -> bool:
    """Whether ``host``, a name or an address, is this machine and no other."""
    if host in _HERE:
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Hosts:
    """``patterns`` are hosts (``db.test``), any of several (``*.test``), one port of them (``localhost:5432``), or the
    path of a Unix socket. Every name and address of this machine's loopback stands for all of them.
    """

    patterns: tuple[tuple[str, int | None], ...] = ()

    def holds(self, host: str, port: int | None = None) -> bool:
        """Whether one of them is meant by ``host``; a ``port`` of None is any."""
        if not self.patterns:
            return False
        host, here = host.lower().rstrip("."), None
        for pattern, pattern_port in self.patterns:
            if pattern_port is not None and port is not None and pattern_port != port:
                continue
            if pattern == LOOPBACK:
                here = is_loopback(host) if here is None else here
                if here:
                    return True
            elif pattern == host or ("*" in pattern and fnmatchcase(host, pattern)):
                return True
        return False


_NONE = Hosts()


def hosts(args: Iterable[str] | str) -> Hosts:
    """``args`` as hosts. Raises ``UsageError`` for anything else."""
    return Hosts(tuple(map(_pattern, (args,) if isinstance(args, str) else args)))


def _pattern(text: str) -> tuple[str, int | None]:
    if text.startswith("/"):
        return text, None
    name, colon, port = text.rpartition(":")
    if not colon or (":" in name and not name.startswith("[")):
        name, port = text, ""  # no port: a name, or an IPv6 address as it is
    name = name.removeprefix("[").removesuffix("]").lower()
    if not name or "/" in name or (port and not (port.isdecimal() and int(port) < 65536)):  # noqa: PLR2004 - ports end there
        raise UsageError(f"{text!r} is no host; give a name, an address or a pattern such as *.test, and maybe :port")
    return LOOPBACK if is_loopback(name) else name, int(port) if port else None


@dataclass(slots=True, eq=False)
class Traffic:
    """``allow`` are hosts that a program may reach past the tape, ``subprocesses`` whether it may start programs;
    requests to ``ignore`` are side traffic, and so are those of threads that are older than the tape, unless
    ``every_thread`` counts. A ``live`` tape records. ``of_tape`` is False for a whole command's.

    Counted: ``side`` traffic that was refused, by host; while recording, connections that ``bypassed`` the tape, by
    host and client; in a replay, what was ``refused``, a sentence each.
    """

    allow: Hosts = _NONE
    ignore: Hosts = _NONE
    subprocesses: bool = False
    every_thread: bool = False
    live: bool = False
    of_tape: bool = True
    miss: type[CassetteMiss] = CassetteMiss
    side: Counter[str] = field(default_factory=Counter)
    bypassed: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)

    def describe_bypassed(self) -> str:
        """What went past the tape, for its user; empty where nothing did."""
        lines = [f"{host} by {client}, {_times(count)}" for (host, client), count in self.bypassed.most_common()]
        return "; ".join(lines)


def _times(count: int) -> str:
    return "one connection" if count == 1 else f"{count:,} connections"


@dataclass(frozen=True, slots=True)
class SideTraffic:
    """Who sends it, where it goes, and the ``source`` that says so."""

    who: str
    host: str
    path: str = "/"
    source: str = ""


SIDE_TRAFFIC = (
    SideTraffic("OpenAI Agents traces", "api.openai.com", "/v1/traces/ingest", "openai-agents: tracing/processors.py"),
    SideTraffic("litellm's lists", "raw.githubusercontent.com", "/BerriAI/litellm/", "litellm: __init__.py, *_url"),
    SideTraffic("litellm's lists", "api.github.com", "/repos/BerriAI/litellm", "litellm: proxy and version checks"),
    SideTraffic("LangSmith", "*api.smith.langchain.com", "/runs", "docs.smith.langchain.com, LANGSMITH_ENDPOINT"),
    SideTraffic("LangSmith", "*api.smith.langchain.com", "/api/v1/runs", "as above"),
    SideTraffic("LangSmith", "*api.smith.langchain.com", "/info", "langsmith: client.py, before the first batch"),
    SideTraffic("LangSmith", "*api.smith.langchain.com", "/otel/", "docs.smith.langchain.com, OpenTelemetry"),
    SideTraffic("Langfuse", "*cloud.langfuse.com", "/api/public/ingestion", "langfuse.com/docs, LANGFUSE_HOST"),
    SideTraffic("Langfuse", "*cloud.langfuse.com", "/api/public/otel/", "langfuse.com/docs, OpenTelemetry"),
    SideTraffic(
        "PostHog", "*.i.posthog.com", source="posthog.com/docs/api/capture (chromadb, crewai, mem0, browser-use)"
    ),
    SideTraffic("PostHog", "*app.posthog.com", source="as above"),
    SideTraffic("PostHog", "eu.posthog.com", source="as above"),
    SideTraffic("Sentry", "*.ingest.sentry.io", source="develop.sentry.dev/sdk/overview, the DSN"),
    SideTraffic("Sentry", "*.ingest.*.sentry.io", source="as above, data in a region"),
    SideTraffic(
        "Segment", "api.segment.io", source="segment.com/docs/connections/sources/catalog/libraries/server/http-api"
    ),
    SideTraffic("Segment", "*.segmentapis.com", source="as above, in the EU"),
    SideTraffic("Amplitude", "api*.amplitude.com", source="amplitude.com/docs/apis/analytics/http-v2"),
    SideTraffic("Mixpanel", "api*.mixpanel.com", source="docs.mixpanel.com, track"),
    SideTraffic("Scarf", "*.scarf.sh", source="docs.scarf.sh (unstructured, agno)"),
    SideTraffic("Datadog", "llmobs-intake.*", source="docs.datadoghq.com/llm_observability/setup/api"),
    SideTraffic("Datadog", "http-intake.logs.*", source="docs.datadoghq.com/api/latest/logs"),
    SideTraffic("Datadog", "*.agent.datadoghq.com", source="docs.datadoghq.com, trace intake"),
    SideTraffic("Datadog", "instrumentation-telemetry-intake.*", source="ddtrace: internal/telemetry"),
    SideTraffic("Logfire", "logfire-*.pydantic.dev", source="logfire: _internal/config.py, base_url"),
    SideTraffic("Weave", "trace.wandb.ai", source="docs.wandb.ai/weave, WF_TRACE_SERVER_URL"),
    SideTraffic("Braintrust", "api.braintrust*", "/otel/", "braintrust.dev/docs, OpenTelemetry"),
    SideTraffic("Braintrust", "api.braintrust*", "/logs3", "braintrust: logger.py"),
    SideTraffic("Arize", "otlp.arize.com", source="litellm: integrations/arize"),
    SideTraffic("Phoenix", "app.phoenix.arize.com", source="litellm: integrations/arize/arize_phoenix.py"),
    SideTraffic("AgentOps", "*.agentops.ai", source="litellm: integrations/agentops"),
    SideTraffic("AgentOps", "*.agentops.cloud", source="as above"),
    SideTraffic("Traceloop", "api.traceloop.com", "/v1/", "traceloop-sdk: TRACELOOP_BASE_URL"),
    SideTraffic("Traceloop", "telemetry.traceloop.com", source="traceloop-sdk: telemetry.py"),
    SideTraffic("Confident AI", "*.confident-ai.com", source="litellm: integrations/deepeval"),
    SideTraffic("Honeycomb", "api*.honeycomb.io", source="docs.honeycomb.io, OpenTelemetry"),
    SideTraffic("New Relic", "otlp*.nr-data.net", source="litellm: integrations/newrelic"),
    SideTraffic("Galileo", "api.galileo.ai", source="litellm: integrations/galileo.py"),
    SideTraffic("Athina", "log.athina.ai", source="litellm: integrations/athina.py"),
    SideTraffic("Comet Opik", "www.comet.com", "/opik/api", "litellm: integrations/opik"),
    SideTraffic("PromptLayer", "api.promptlayer.com", "/rest/track-", "litellm: integrations/prompt_layer.py"),
    SideTraffic("CrewAI", "telemetry.crewai.com", source="docs.crewai.com/telemetry"),
    SideTraffic("Hugging Face", "huggingface.co", "/api/telemetry", "huggingface_hub: utils/_telemetry.py"),
    SideTraffic("Gradio", "api.gradio.app", "/gradio-", "gradio: analytics.py"),
    SideTraffic("Ray", "usage-stats.ray.io", source="docs.ray.io, usage stats"),
)
"""The one table. A host of the user's own goes into ``ignore_hosts``."""

_OTLP = ("/v1/traces", "/v1/metrics", "/v1/logs")
_OTLP_PORTS = frozenset({4317, 4318})
_PROTOBUF = "application/x-protobuf"


@functools.lru_cache(1024)
def _rows(host: str) -> tuple[SideTraffic, ...]:
    return tuple(row for row in SIDE_TRAFFIC if fnmatchcase(host, row.host))


def known_side_traffic(request: HttpRequest) -> SideTraffic | None:
    """The row that ``request`` is of; None for one of the test's own."""
    url = urlsplit(request.url)
    try:
        host, port = url.hostname or "", url.port
    except ValueError:
        return None  # no URL that goes anywhere
    for row in _rows(host):
        if url.path.startswith(row.path):
            return row
    if url.path.endswith(_OTLP) and (
        port in _OTLP_PORTS or (header(request.headers, "content-type") or "").startswith(_PROTOBUF)
    ):
        return SideTraffic("OpenTelemetry", host, url.path, "opentelemetry.io/docs/specs/otlp")
    return None

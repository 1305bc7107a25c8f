"""Every format that can be imported, in the order in which files are held against them."""

from __future__ import annotations

from harness.cassette.importers import (
    cassetter,
    go_vcr,
    httpmock,
    json_lines,
    langchain,
    polly,
    ruby_vcr,
    traces,
    vcrpy,
)
from harness.cassette.importers.import_result import Format

FORMATS = (
    Format("json-lines", "JSON lines", json_lines.looks, json_lines.interactions),
    Format("cassetter", "cassetter", cassetter.looks, cassetter.interactions, lists=cassetter.LISTS),
    Format("parsed_body", "vcrpy with parsed bodies", vcrpy.looks_parsed, vcrpy.interactions, lists=("interactions",)),
    Format("vcrpy", "vcrpy", vcrpy.looks, vcrpy.interactions, lists=("interactions",)),
    Format("go-vcr", "go-vcr", go_vcr.looks, go_vcr.interactions, lists=("interactions",)),
    Format("ruby-vcr", "Ruby's VCR", ruby_vcr.looks, ruby_vcr.interactions, lists=("http_interactions",)),
    Format("httpmock", "Rust's httpmock", httpmock.looks, httpmock.interactions, httpmock.prepared),
    Format("polly", "Polly.JS or another HAR", polly.looks, polly.interactions, lists=("log.entries",)),
    Format(
        "otlp",
        "OpenTelemetry's GenAI spans",
        traces.looks_otlp,
        traces.otlp,
        lists=("resourceSpans.scopeSpans.spans",),
    ),
    Format("langfuse", "Langfuse's export", traces.looks_langfuse, traces.langfuse, lists=("observations", "data")),
    Format("langsmith", "LangSmith's export", traces.looks_langsmith, traces.langsmith, lists=("runs",)),
    Format(
        "langchain",
        "langchain's gzip",
        langchain.looks,
        langchain.interactions,
        lists=("requests", "responses"),
        paired=True,
    ),
)

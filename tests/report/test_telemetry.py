"""Findings as OpenTelemetry's events: by its own conventions' names, and through its own SDK to a receiver."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes as conventions

from harness.core.errors import UsageError
from harness.core.finding import Finding
from harness.engine.events import CaseResult, Problem
from harness.report import telemetry

ROOT = Path(__file__).parent.parent.parent
RESULTS = [
    CaseResult(
        "shop",
        "order",
        "openai/m",
        "cassettes/shop/order/openai+m.json",
        (
            Finding("tool_calls", "pass", ""),
            Finding("arguments", "fail", "city is missing"),
            Finding("text", "unsupported", "the wire has none"),
        ),
    ),
    CaseResult(
        "shop", "broken", "openai/m", "", problem=Problem("CassetteMissingError", "there is no such cassette", 2)
    ),
]


def test_each_finding_is_an_event_in_the_conventions_names():
    about = {"harness.suite": "shop", "gen_ai.request.model": "openai/m"}
    order = about | {"harness.case": "order", "harness.cassette": RESULTS[0].cassette}
    name, label = conventions.GEN_AI_EVALUATION_NAME, conventions.GEN_AI_EVALUATION_SCORE_LABEL
    value, why = conventions.GEN_AI_EVALUATION_SCORE_VALUE, conventions.GEN_AI_EVALUATION_EXPLANATION
    assert list(telemetry.events(RESULTS)) == [
        order | {name: "tool_calls", label: "pass", value: 1.0},
        order | {name: "arguments", label: "fail", value: 0.0, why: "city is missing"},
        order | {name: "text", label: "unsupported", why: "the wire has none"},
        about
        | {"harness.case": "broken", name: "cassette", "error.type": "CassetteMissingError"}
        | {why: "there is no such cassette"},
    ]


@pytest.mark.skipif(importlib.util.find_spec("opentelemetry.sdk") is not None, reason="OpenTelemetry's SDK is here")
def test_without_the_sdk_it_is_refused_before_the_work():
    with pytest.raises(
        UsageError, match=r"pip install 'opentelemetry-sdk>=1.45' 'opentelemetry-exporter-otlp-proto-http>=1.45'"
    ):
        telemetry.refuse_unsendable()


RECEIVED = """
import http.server, json, os, sys, threading
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from harness.core.errors import HarnessError
from harness.report import telemetry
from tests.report.test_telemetry import RESULTS

class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        got = ExportLogsServiceRequest.FromString(self.rfile.read(int(self.headers["content-length"])))
        for resource in got.resource_logs:
            service = {one.key: one.value.string_value for one in resource.resource.attributes}["service.name"]
            for scope in resource.scope_logs:
                for record in scope.log_records:
                    received.append([self.path, service, record.event_name, len(record.attributes)])
        self.send_response(self.server.status)
        self.end_headers()
    def log_message(self, *words): pass

received = []
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
server.status = 200
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{server.server_port}"
os.environ["OTEL_SERVICE_NAME"] = "my-agent"
count = telemetry.send(RESULTS)
server.status = 400
try:
    telemetry.send(RESULTS)
    refused = ""
except HarnessError as error:
    refused = str(error)
print(json.dumps([count, received[:4], refused]))
"""


@pytest.mark.neighbours
@pytest.mark.timeout(300)
def test_they_reach_a_receiver_through_the_sdk(tmp_path):
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)
    python = tmp_path / "env" / "bin" / "python"
    packages = ["opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http", "pytest", "pydantic", "annotated-types"]
    subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([python, "-c", RECEIVED], env=environment, capture_output=True, text=True, check=True)
    count, received, refused = json.loads(done.stdout)
    assert count == 4
    assert [one[:3] for one in received] == [["/v1/logs", "my-agent", telemetry.EVENT]] * 4
    assert [one[3] for one in received] == [7, 8, 7, 6]
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in refused

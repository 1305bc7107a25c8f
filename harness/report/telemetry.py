"""Findings as OpenTelemetry's ``gen_ai.evaluation.result`` events, sent over OTLP: observability tools show them beside
the traces of the agent. Needs the extra ``otel``; where they go is said by OpenTelemetry's own variables
(``OTEL_EXPORTER_OTLP_ENDPOINT``, ``OTEL_EXPORTER_OTLP_HEADERS``, ``OTEL_SERVICE_NAME`` …).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.core.errors import HarnessError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harness.core.finding import Verdict
    from harness.engine.events import CaseResult

EVENT = "gen_ai.evaluation.result"
_SCORES: dict[Verdict, float] = {"pass": 1.0, "quirk": 1.0, "fail": 0.0}


def refuse_unsendable() -> None:
    """Raises ``MissingExtraError`` where the packages that send are not installed."""
    _packages()


def send(results: Iterable[CaseResult]) -> int:
    """Send an event for each finding; how many there were. Raises ``HarnessError`` where the receiver takes none."""
    logs, export, exporter = _packages()
    provider = logs.LoggerProvider()
    sender = exporter.OTLPLogExporter()
    memory = export.InMemoryLogRecordExporter()
    provider.add_log_record_processor(export.SimpleLogRecordProcessor(memory))
    logger = provider.get_logger("harness")
    for attributes in events(results):
        logger.emit(event_name=EVENT, attributes=attributes)
    records = memory.get_finished_logs()
    try:
        if records and sender.export(records) is not export.LogRecordExportResult.SUCCESS:
            raise HarnessError("the OTLP receiver took no evaluation results; see OTEL_EXPORTER_OTLP_ENDPOINT")
    finally:
        sender.shutdown()
        provider.shutdown()
    return len(records)


def events(results: Iterable[CaseResult]) -> Iterator[dict[str, Any]]:
    """The attributes of each event, by OpenTelemetry's conventions for generative AI; our own begin with ``harness.``.

    A pass and a quirk score 1, a failure 0; what could not be judged has a label and no score.
    """
    for result in results:
        attributes: dict[str, Any] = {
            "harness.suite": result.suite,
            "harness.case": result.case,
            "gen_ai.request.model": result.model,
        }
        if result.cassette:
            attributes["harness.cassette"] = result.cassette
        if problem := result.problem:
            yield (
                attributes
                | {"gen_ai.evaluation.name": "cassette", "error.type": problem.kind}
                | _explained(problem.message)
            )
        for one in result.findings:
            made = attributes | {"gen_ai.evaluation.name": one.check, "gen_ai.evaluation.score.label": one.verdict}
            if one.verdict in _SCORES:
                made["gen_ai.evaluation.score.value"] = _SCORES[one.verdict]
            yield made | _explained(one.message)


def _explained(message: str) -> dict[str, str]:
    return {"gen_ai.evaluation.explanation": message} if message else {}


def _packages() -> tuple[Any, Any, Any]:
    try:
        from opentelemetry.exporter.otlp.proto.http import _log_exporter  # noqa: PLC0415 - the extra `otel`
        from opentelemetry.sdk import _logs  # noqa: PLC0415 - as above
        from opentelemetry.sdk._logs import export  # noqa: PLC0415 - as above
    except ImportError as error:
        raise MissingExtraError("otel", "OpenTelemetry's SDK, which --otlp needs,") from error
    return _logs, export, _log_exporter

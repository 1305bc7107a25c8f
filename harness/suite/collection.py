"""Suites from files: found, read, checked, and made ready to run. All faults are reported at once."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from harness.core.errors import SuiteError, UsageError
from harness.core.folders import listed
from harness.suite.case import Case, Model, ModelsFile, OpenAITool, Suite, SuiteFile
from harness.suite.consistency import doubled_ids, empty_keys, inconsistent
from harness.suite.loader import Document, SuiteFault, read
from harness.suite.validation_errors import keys, one_line, validated

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.suite.loader import Path as Place

MODELS_FILE = "models.yaml"
_ENDINGS = {".yaml", ".yml"}


@dataclass(frozen=True, slots=True)
class _Written:
    """A suite file that was read: as written, and the suite that it makes if it has no faults."""

    file: Path
    document: Document
    suite: Suite | None
    faults: tuple[SuiteFault, ...]


def load_suites(paths: Iterable[str | Path]) -> tuple[Suite, ...]:
    """The suites in ``paths``: files, or folders whose ``*.yaml`` files are taken in order of name.

    Raises ``SuiteError`` with every mistake of every file, each with file and line.
    """
    files, problems = _files(paths)
    shared: dict[Path, tuple[Model, ...]] = {}
    for folder in dict.fromkeys(file.parent for file in files):
        shared[folder], faults = _shared_models(folder / MODELS_FILE)
        problems += _described(folder / MODELS_FILE, None, faults)
    written = [_suite(file, shared[file.parent]) for file in files]
    for one in written:
        problems += _described(one.file, one.document, one.faults)
    suites = tuple(one.suite for one in written if one.suite)
    problems += _doubled_names(suites)
    if problems:
        raise SuiteError(problems)
    return suites


def shared_models(paths: Iterable[str | Path]) -> tuple[Model, ...]:
    """The models of every models.yaml in or beside ``paths``. Raises ``SuiteError``."""
    folders = dict.fromkeys(path if path.is_dir() else path.parent for path in map(Path, paths))
    found, problems = list[Model](), list[str]()
    for folder in folders:
        models, faults = _shared_models(folder / MODELS_FILE)
        problems += _described(folder / MODELS_FILE, None, faults)
        found += models
    if problems:
        raise SuiteError(problems)
    return tuple(dict.fromkeys(found))


def suite_schema() -> dict[str, Any]:
    """The JSON schema of a suite file, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **SuiteFile.model_json_schema()}


def models_schema() -> dict[str, Any]:
    """The JSON schema of models.yaml."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **ModelsFile.model_json_schema()}


def _files(paths: Iterable[str | Path]) -> tuple[list[Path], list[str]]:
    files: list[Path] = []
    problems = []
    for path in map(Path, paths):
        if path.is_dir():
            try:
                inside = [file for file in listed(path) if file.suffix in _ENDINGS and file.name != MODELS_FILE]
            except UsageError as error:
                problems.append(str(error))
                continue
            files += inside
            if not inside:
                problems.append(f"{path}: no suite in this folder; a suite is a file that ends in .yaml")
        elif path.exists():
            files.append(path)
        else:
            hint = "; `harness init` writes a first suite" if path == Path("suites") else ""
            problems.append(f"{path}: no such file or folder{hint}")
    return list(dict.fromkeys(files)), problems


def _bytes(file: Path) -> tuple[Document, tuple[SuiteFault, ...]]:
    try:
        document = read(file.read_bytes())
    except OSError as error:
        fault = SuiteFault(1, (), f"can't be read: {error.strerror}")
        return Document(None, {(): 1}, (fault,)), (fault,)
    return document, document.faults


def _shared_models(file: Path) -> tuple[tuple[Model, ...], tuple[SuiteFault, ...]]:
    if not file.exists():
        return (), ()
    document, faults = _bytes(file)
    if document.value is None:
        return (), faults
    read_models, wrong = validated(TypeAdapter(ModelsFile), document)
    return (read_models.models if read_models else ()), (*faults, *wrong, *empty_keys(document))


def _suite(file: Path, shared: tuple[Model, ...]) -> _Written:
    document, faults = _bytes(file)
    if document.value is None:
        return _Written(file, document, None, faults)
    if not isinstance(document.value, dict):
        what = "a suite is a mapping that holds `cases:`; this is something else"
        return _Written(file, document, None, (*faults, SuiteFault(1, (), what)))
    written, wrong = validated(TypeAdapter(SuiteFile), document)
    empty = list(empty_keys(document))
    hollow = {fault.path for fault in empty}
    found = [*faults, *empty, *(fault for fault in wrong if fault.path not in hollow), *doubled_ids(document)]
    found += inconsistent(document)
    models: list[Model] = []
    if written:
        models, unknown = _models(written.models, shared, document)
        found += unknown
    if found or not written:
        return _Written(file, document, None, tuple(sorted(found, key=lambda fault: fault.line)))
    tools = {tool.name: tool for tool in written.tools}
    name = written.name or file.stem
    cases = tuple(_ready(one, written, tools) for one in written.cases)
    return _Written(file, document, Suite(name, written.description, str(file), tuple(models), cases, written.kind), ())


def _models(
    named: tuple[str | Model, ...], shared: tuple[Model, ...], document: Document
) -> tuple[list[Model], list[SuiteFault]]:
    models: list[Model] = []
    faults = []
    for number, one in enumerate(named):
        found = [one] if isinstance(one, Model) else named_models(one, shared)
        where: Place = ("models", number)
        if not found:
            what = f'model "{one}" has no provider; write it as provider/model, such as openai/{one}'
            faults.append(SuiteFault(document.line(where), where, f"{what}, or label it so in {MODELS_FILE}"))
        models += found
    if not named:
        models = [one for one in shared if not one.named_only]
        if not models:
            faults.append(
                SuiteFault(1, (), f"no models: give `models:` here, or define some in {MODELS_FILE} beside it")
            )
    called = [model.called.casefold() for model in models]
    twice = {name for name in called if called.count(name) > 1}
    faults += [
        SuiteFault(document.line(("models",)), ("models",), f'"{name}" stands here twice; give each its own `label`')
        for name in sorted(twice)
    ]
    return models, faults


def named_models(name: str, shared: Iterable[Model]) -> list[Model]:
    """The models that ``name`` stands for: those labelled or called so in ``shared``, else ``provider/model`` itself.

    Empty where it has no provider, or one that can't be.
    """
    found = [model for model in shared if name in {model.label, model.id}]
    if found:
        return found
    backend, slash, model = name.partition("/")
    if not (slash and backend and model):
        return []
    with suppress(ValidationError):
        return [Model(name=model, backend=backend)]
    return []


def _ready(case: Case, suite: SuiteFile, tools: dict[str, Any]) -> Case:
    """``case`` with the suite's tools for their names, and its defaults and world where it is silent."""
    defaults = suite.defaults
    options: dict[str, Any] = {"world": suite.world} if case.world is None else {}
    options |= {key: getattr(defaults, key) for key in defaults.model_fields_set if key not in case.model_fields_set}
    offered = tuple(tools[tool] if isinstance(tool, str) else tool for tool in case.tools)
    flat = tuple(tool.function if isinstance(tool, OpenAITool) else tool for tool in offered)
    return case.model_copy(update={**options, "tools": flat})


def _described(file: Path, document: Document | None, faults: Iterable[SuiteFault]) -> list[str]:
    return [one_line(f"{file}:{fault.line}: {_where(fault.path, document)}{fault.what}") for fault in faults]


def _where(path: Place, document: Document | None) -> str:
    """The place in words: the case by its id, then the keys."""
    words_before = ""
    if document and len(path) > 1 and path[0] == "cases" and isinstance(document.value, dict):
        case: Any = {}
        with suppress(LookupError, TypeError):  # the place may be one that is missing, or cases no list at all
            case = document.value["cases"][path[1]]
        name = case.get("id") if isinstance(case, dict) else None
        called = f'"{name}"' if isinstance(name, str) else path[1] + 1 if isinstance(path[1], int) else f'"{path[1]}"'
        words_before = f"case {called}: "
        path = path[2:]
    return words_before + (f"{keys(path)}: " if path else "")


def _doubled_names(suites: tuple[Suite, ...]) -> list[str]:
    first: dict[str, Suite] = {}
    problems = []
    for suite in suites:
        other = first.setdefault(suite.name.casefold(), suite)
        if other is not suite:
            problems.append(f'{suite.file}:1: the suite "{suite.name}" is called so in {other.file} too; rename one')
    return problems

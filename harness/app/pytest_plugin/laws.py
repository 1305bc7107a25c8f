"""The laws as pytest items: a marked test for each provider and mode, and kept counterexamples put again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.laws.prove import Mode, Proof
    from harness.laws.tested_backend import Backend

FOLDER = ".harness"
EXAMPLES = 100
MARKER = (
    "laws(backend, *, providers=(), modes=(), laws=(), examples=100, exemplars=True, seed=None): judge a backend, "
    "named module:attribute, by the laws of tool calling; the test takes the fixture `proof`"
)
_PROOF: pytest.StashKey[Proof] = pytest.StashKey()


def modes(backend: Backend, name: str) -> tuple[Mode, ...]:
    """How the backend called ``name`` is judged: awaited and streamed only if it can be, without litellm only if it is
    ours.
    """
    from harness.laws.prove import BARE_MODES, MODES  # noqa: PLC0415 - only tests of laws pay for it
    from harness.laws.tested_backend import OURS  # noqa: PLC0415 - as above

    asked = tuple(mode for mode in MODES if backend.acomplete is not None or not mode.startswith("async"))
    asked = tuple(mode for mode in asked if backend.streams or not mode.endswith("stream"))
    return (*asked, *(BARE_MODES if name == OURS else ()))


def parametrize(metafunc: pytest.Metafunc, marker: pytest.Mark) -> None:
    """A test for each provider and mode that ``marker`` asks for."""
    from harness.core.errors import UsageError  # noqa: PLC0415 - as above
    from harness.laws.provider_options import provers  # noqa: PLC0415 - as above
    from harness.laws.tested_backend import OURS, backend_at  # noqa: PLC0415 - as above

    name = marker.args[0] if marker.args else marker.kwargs.get("backend", OURS)
    try:
        backend = backend_at(name)
        chosen = provers(tuple(marker.kwargs.get("providers", ())))
    except UsageError as error:
        raise pytest.Collector.CollectError(f"{metafunc.definition.nodeid}: {error}") from None
    possible, wanted = modes(backend, name), marker.kwargs.get("modes", ())
    if unknown := [mode for mode in wanted if mode not in possible]:
        where = metafunc.definition.nodeid
        raise pytest.Collector.CollectError(
            f"{where}: {name} has no mode {', '.join(unknown)}; it has {', '.join(possible)}"
        )
    made = [(name, provider, mode) for provider in chosen for mode in wanted or possible]
    names = [f"{provider}-{mode.replace(' ', '-')}" for _, provider, mode in made]
    metafunc.parametrize("proof", made, indirect=True, ids=names)


@pytest.fixture
def proof(request: pytest.FixtureRequest) -> Proof:
    """How often each law was judged for one provider and mode, and what broke; see the marker ``laws``."""
    request.node.stash[_PROOF] = made = _proved(request)
    return made


def _proved(request: pytest.FixtureRequest) -> Proof:
    from harness.app.settings import settings  # noqa: PLC0415 - as above
    from harness.backend.library import load_offline  # noqa: PLC0415 - as above
    from harness.core.errors import UsageError  # noqa: PLC0415 - as above
    from harness.laws.counterexample import stored_questions  # noqa: PLC0415 - as above
    from harness.laws.law import GRADES  # noqa: PLC0415 - as above
    from harness.laws.prove import Effort, chosen_laws, prove_one  # noqa: PLC0415 - as above
    from harness.laws.tested_backend import OURS, backend_at  # noqa: PLC0415 - as above

    if not hasattr(request, "param"):
        raise pytest.UsageError(f"{request.node.nodeid}: the fixture `proof` needs @pytest.mark.laws(backend)")
    name, provider, mode = request.param
    marker = request.node.get_closest_marker("laws")
    examples = marker.kwargs.get("examples", EXAMPLES)
    root = request.config.rootpath
    kept = () if settings({}, folder=root).ci else stored_questions(root / FOLDER / "counterexamples", name)
    load_offline()
    try:
        chosen = marker.kwargs.get("laws", ())
        laws = chosen_laws(chosen, () if chosen or name == OURS else GRADES[:-1])
    except UsageError as error:
        raise pytest.UsageError(f"{request.node.nodeid}: {error}") from error
    bare, seed = marker.kwargs.get("bare", 5 * examples), marker.kwargs.get("seed")
    effort = Effort(examples, bare, seed, exemplars=marker.kwargs.get("exemplars", True), first=kept)
    return prove_one(backend_at(name), provider, mode, laws=laws, effort=effort)


def judge_item(item: pytest.Item) -> None:
    """Fail a test whose proof does not hold."""
    made = item.stash.get(_PROOF, None)
    if made is not None:
        judge(made)


def judge(made: Proof) -> None:
    """Fail the test if a law was broken, with every counterexample in plain words."""
    from harness.report.proofs import describe, faults  # noqa: PLC0415 - as above

    if made.broken:
        pytest.fail("\n\n".join(describe(fault) for fault in faults([made])), pytrace=False)


class LawFile(pytest.File):
    """A counterexample that ``harness prove`` kept."""

    def collect(self) -> Iterator[pytest.Item]:
        from harness.core.errors import UsageError  # noqa: PLC0415 - as above
        from harness.laws.counterexample import from_json  # noqa: PLC0415 - as above

        try:
            kept = from_json(json.loads(self.path.read_bytes()), str(self.path))
        except (ValueError, RecursionError, UsageError) as error:
            raise self.CollectError(f"{self.path}: {error}") from error
        yield LawItem.from_parent(self, name=f"{kept.law}[{kept.question.provider}-{kept.mode}]", kept=kept)


class LawItem(pytest.Item):
    """A kept counterexample, put again: it passes when the law holds."""

    def __init__(self, *, kept: Any, **known: Any) -> None:
        super().__init__(**known)
        self.kept = kept

    def runtest(self) -> None:
        from harness.backend.library import load_offline  # noqa: PLC0415 - as above
        from harness.laws import BY_ID  # noqa: PLC0415 - as above
        from harness.laws.prove import asker, judged  # noqa: PLC0415 - as above
        from harness.laws.tested_backend import backend_at  # noqa: PLC0415 - as above

        load_offline()
        put = asker(backend_at(self.kept.backend), self.kept.mode)
        judge(judged(put(self.kept.question), BY_ID[self.kept.law], self.kept.mode))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, self.name

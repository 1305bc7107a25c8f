"""Tests that are marked ``vcr``, as for pytest-recording, replayed by our tapes: ``[tool.harness] vcr = true``.

Their folders, names, ``vcr_config`` and marker options are read as they stand. ``COUNTERPARTS`` says what each option
comes to; one that has none is refused by its name, for a test that silently means something else is worse than none.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.app.pytest_plugin.options import placeholder_keys
from harness.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.cassette import Cassette, Tape
    from harness.core.chat import Json
    from harness.core.exchange import HttpRequest, Provenance

MARKERS = (
    "vcr: replay the test's HTTP requests from its cassette, as pytest-recording does",
    "default_cassette(name): the cassette's name, where it is not the test's own",
    "block_network(allowed_hosts=()): nothing goes out of a replay anyway; hosts that may be reached",
)
COUNTERPARTS = {
    "record_mode": "none, once; new_episodes is once; all and rewrite record again, where recording is asked for",
    "match_on": "what counts, by vcrpy's own rules for headers and where you registered a matcher",
    "filter_headers": "nothing to do: secret headers are never recorded, and none counts in matching",
    "filter_query_parameters": "left out of matching",
    "filter_post_data_parameters": "left out of matching",
    "before_record_request": "called with vcrpy's own request; None lets it pass the tape",
    "before_record_response": "not called in a replay, as in vcrpy",
    "ignore_hosts": "reached past the tape",
    "ignore_localhost": "reached past the tape",
    "allowed_hosts": "reached past the tape",
    "allow_playback_repeats": "the first recording that fits answers again",
    "decode_compressed_response": "always done",
    "drop_unused_requests": "nothing to do: a new recording holds what was asked",
    "record_on_exception": "a failed test's recording is put aside as .partial.json",
    "cassette_library_dir": "where cassettes are",
    "serializer": "cassettes are JSON; YAML of vcrpy is read",
}
VCR_TAPE: pytest.StashKey[Tape] = pytest.StashKey()
FIXTURE = "harness_vcr"
_OWN_MATCHERS = "matchers of its own"
_MATCHED = ("method", "scheme", "host", "port", "path", "query")
_KNOWN_MATCHERS = frozenset((*_MATCHED, "uri", "body", "raw_body", "headers"))
_FORBIDDEN = re.compile(r"""[<>?%*:|"'/\\]""")


class VcrFixtures:
    """The fixtures of pytest-recording that suites use or override, by their names."""

    @pytest.fixture(scope="session")
    @staticmethod
    def vcr_config() -> dict[str, Any]:
        return {}

    @pytest.fixture(scope="module")
    @staticmethod
    def vcr_cassette_dir(request: pytest.FixtureRequest) -> str:
        return str(request.path.parent / "cassettes" / request.path.stem)

    @pytest.fixture
    def default_cassette_name(self, request: pytest.FixtureRequest) -> str:
        return cassette_name(request.node)

    @pytest.fixture
    def harness_vcr(
        self,
        request: pytest.FixtureRequest,
        open_cassette: Any,
        vcr_config: dict[str, Any],
        vcr_cassette_dir: str,
        default_cassette_name: str,
    ) -> Iterator[OpenVcr | None]:
        """The open tape of a test marked ``vcr``; None for other tests."""
        if request.node.get_closest_marker("vcr") is None:
            yield None
            return
        from harness.core.errors import CassetteError  # noqa: PLC0415 - as above

        try:
            config = merged(vcr_config, request.node)
            tape_options = {**open_cassette.keywords, "mode": mode(config, str(open_cassette.keywords["mode"]))}
            if tape_options["mode"] != "none" and tape_options["provenance"] is None:
                tape_options["provenance"] = request.getfixturevalue("cassette_provenance")
            folder = Path(str(config.get("cassette_library_dir") or vcr_cassette_dir))
            tape = opened(found(folder, default_cassette_name), options(config), tape_options)
            with tape as open_vcr, placeholder_keys(open_vcr.tape):
                request.node.stash[VCR_TAPE] = open_vcr.tape
                yield open_vcr
        except (UsageError, CassetteError) as error:
            pytest.fail(str(error), pytrace=False)

    @pytest.fixture
    def vcr(self, harness_vcr: OpenVcr | None) -> OpenVcr | None:
        """What is open of a test marked ``vcr``, with the properties of vcrpy's cassette; None for other tests."""
        return harness_vcr


def use(config: pytest.Config) -> None:
    """Take the place of the plugin whose marker ``vcr`` is. Raises ``pytest.UsageError`` where that is loaded too."""
    others = [name for name, plugin in config.pluginmanager.list_name_plugin() if hasattr(plugin, "vcr")]
    theirs = [name for name in others if not name.endswith("conftest.py")]
    if theirs:
        raise pytest.UsageError(
            f"[tool.harness] vcr = true stands in for the plugin {theirs[0]!r}, which is loaded; add -p no:{theirs[0]}"
        )
    for line in MARKERS:
        config.addinivalue_line("markers", line)
    config.pluginmanager.add_hookspecs(VcrHooks)
    config.pluginmanager.register(VcrFixtures(), "harness-vcr")


def cassette_name(item: pytest.Item) -> str:
    """The name that pytest-recording gives a test's cassette."""
    marker = item.get_closest_marker("default_cassette")
    if marker is not None:
        return str(marker.args[0])
    kind = getattr(item, "cls", None)
    return _FORBIDDEN.sub("-", f"{kind.__name__}.{item.name}" if kind else item.name)


def merged(config: dict[str, Any], item: pytest.Item) -> dict[str, Any]:
    """``vcr_config`` with what the markers say. Raises ``UsageError`` for an option without a counterpart."""
    made = {**_set_up(item.config), **config}
    if any(marker.args for marker in item.iter_markers("vcr")):
        raise UsageError(f"{item.nodeid}: more than one cassette a test has no counterpart; see docs/from-vcrpy.md")
    for marker in reversed(list(item.iter_markers("vcr"))):
        made.update(marker.kwargs)
    for marker in item.iter_markers("block_network"):
        made.update({name: value for name, value in marker.kwargs.items() if name == "allowed_hosts"})
    unknown = sorted(made.keys() - COUNTERPARTS.keys() - {_OWN_MATCHERS})
    if unknown:
        raise UsageError(
            f"{item.nodeid}: vcr options without a counterpart: {', '.join(unknown)}; see docs/from-vcrpy.md"
        )
    unmatched = sorted(set(made.get("match_on") or ()) - _KNOWN_MATCHERS - made.get(_OWN_MATCHERS, {}).keys())
    if unmatched:
        raise UsageError(
            f"{item.nodeid}: match_on has no counterpart for {', '.join(unmatched)}; see docs/from-vcrpy.md"
        )
    return made


class VcrSetUp:
    """What the hook ``pytest_recording_configure`` gets in the place of vcrpy's ``VCR``: what it sets are options."""

    def __init__(self) -> None:
        self._matchers: dict[str, Any] = {}

    def register_matcher(self, name: str, matcher: Any) -> None:
        self._matchers[name] = matcher

    def register_serializer(self, name: str, serializer: Any) -> None:
        """Cassettes are JSON; vcrpy's YAML is read no matter who wrote it."""

    def register_persister(self, persister: Any) -> None:
        raise UsageError(f"the persister {persister!r} has no counterpart; see docs/from-vcrpy.md")

    def options(self) -> dict[str, Any]:
        made = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        return {**made, _OWN_MATCHERS: self._matchers} if self._matchers else made


class VcrHooks:
    """The one hook of pytest-recording."""

    @pytest.hookspec
    def pytest_recording_configure(self, config: pytest.Config, vcr: VcrSetUp) -> None: ...


def _set_up(config: pytest.Config) -> dict[str, Any]:
    made = VcrSetUp()
    config.hook.pytest_recording_configure(config=config, vcr=made)
    return made.options()


def _pairwise(names: set[str], own: dict[str, Any]) -> Any:
    """Matchers of vcrpy and of a suite's own, which compare two of vcrpy's requests, for two of ours."""
    from vcr import matchers  # noqa: PLC0415 - heavy, and only for suites with matchers of their own

    chosen = [own.get(name) or getattr(matchers, name) for name in names]

    def same(recorded: HttpRequest, request: HttpRequest) -> bool:
        return bool(matchers.requests_match(as_vcr(request), as_vcr(recorded), chosen))

    return same


def options(config: dict[str, Any]) -> dict[str, Any]:
    """``open_tape``'s options for vcrpy's."""
    from harness.cassette.matching import Matcher  # noqa: PLC0415 - only tests that replay pay for it
    from harness.cassette.tape import Rules  # noqa: PLC0415 - as above

    allow = [_glob(one) for one in _texts(config.get("allowed_hosts"))] + list(config.get("ignore_hosts") or ())
    if config.get("ignore_localhost"):
        allow.append("localhost")
    ignore = [f"query.{_name(one)}" for one in config.get("filter_query_parameters") or ()]
    for one in config.get("filter_post_data_parameters") or ():
        ignore += [f"form.{_name(one)}", f"body.{_name(one)}"]
    counted = set(config.get("match_on") or _MATCHED)
    change = config.get("before_record_request")
    own = {name: value for name, value in config.get(_OWN_MATCHERS, {}).items() if name in counted}
    exact = bool(own) or "headers" in counted
    rules = Rules(
        _prepared(change) if change else None,
        repeat=bool(config.get("allow_playback_repeats")),
        same=_pairwise(counted, own) if exact else None,
    )
    return {
        "allow": allow,
        "matcher": Matcher(tuple(ignore), lambda canonical: _counted(canonical, counted)),
        "rules": rules,
    }


def mode(config: dict[str, Any], requested: str) -> str:
    """Our record mode: the command line's first, then what the test says."""
    if requested != "none":
        return requested
    return "once" if config.get("record_mode") in {"once", "new_episodes"} else "none"


def _counted(canonical: dict[str, Json], counted: set[str]) -> dict[str, Json]:
    """``canonical`` without what ``match_on`` does not name."""
    made = dict(canonical)
    if "uri" not in counted:
        scheme, _, place = str(made.get("host", "")).partition("://")
        host, _, port = place.rpartition(":") if place.rpartition(":")[2].isdecimal() else (place, "", "")
        parts = {"scheme": scheme, "host": host, "port": port or scheme}
        made["host"] = "|".join(value for name, value in parts.items() if name in counted)
        for name in ("path", "query"):
            if name not in counted:
                made.pop(name, None)
    if "method" not in counted:
        made.pop("method", None)
    if not counted & {"body", "raw_body"}:
        for name in ("body", "form", "bytes"):
            made.pop(name, None)
    return made


def _prepared(change: Any) -> Any:
    """``before_record_request``, which takes and gives vcrpy's own requests, for ours."""
    from dataclasses import replace  # noqa: PLC0415 - only tests that filter pay for it

    def prepare(request: HttpRequest) -> HttpRequest | None:
        changed = change(as_vcr(request))
        if changed is None:
            return None
        body = changed.body
        headers = tuple((str(name), str(value)) for name, value in dict(changed.headers).items())
        data = body.encode() if isinstance(body, str) else bytes(body or b"")
        return replace(request, method=changed.method, url=changed.uri, headers=headers, body=data)

    return prepare


def as_vcr(request: HttpRequest) -> Any:
    """``request`` as one of vcrpy's."""
    from vcr.request import Request  # noqa: PLC0415 - heavy, and only for tests that look at requests

    return Request(request.method, request.url, request.body or None, dict(request.headers))


class OpenVcr:
    """An open tape with the properties of vcrpy's cassette that tests read."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self._path = str(tape.path)

    @property
    def requests(self) -> list[Any]:
        """All requests of the cassette, as in vcrpy."""
        return [as_vcr(one.request) for one in self.tape.exchanges]

    @property
    def responses(self) -> list[dict[str, Any]]:
        made = []
        for response in (one.response for one in self.tape.exchanges):
            headers: dict[str, list[str]] = {}
            for name, value in response.headers if response else ():
                headers.setdefault(name, []).append(value)
            status = {"code": response.status if response else 0, "message": ""}
            made.append({"status": status, "headers": headers, "body": {"string": response.body if response else b""}})
        return made

    @property
    def play_count(self) -> int:
        return len(self.tape.taken) if self.tape.replaying else 0

    @property
    def play_counts(self) -> Counter[int]:
        return Counter(number for number, _ in self.tape.taken) if self.tape.replaying else Counter()

    @property
    def record_mode(self) -> Any:
        from vcr.record_mode import RecordMode  # noqa: PLC0415 - as above

        return RecordMode.NONE if self.tape.replaying else RecordMode.ALL

    @property
    def all_played(self) -> bool:
        return not self.tape.unused

    def __len__(self) -> int:
        return len(self.tape.exchanges)


def found(folder: Path, name: str) -> Path:
    """The cassette called ``name`` in ``folder``: ours, or vcrpy's YAML where only that is there."""
    from harness.cassette.storage.paths import escaped  # noqa: PLC0415 - only tests that replay pay for it

    bare = name.removesuffix(".yaml").removesuffix(".yml").removesuffix(".json")
    plain = folder / f"{bare}.json"
    ways = (plain, folder / f"{escaped(bare)}.json" if "/" not in bare else plain, folder / f"{bare}.yaml")
    return next((one for one in ways if one.exists()), plain)


def imported(path: Path) -> Cassette:
    """The cassette that vcrpy's file comes to. Raises ``UsageError`` where an interaction can't be taken over."""
    from harness.cassette import Cassette  # noqa: PLC0415 - as above
    from harness.cassette.importers.importer import NoInteractionsError, read  # noqa: PLC0415 - YAML's reader is heavy

    try:
        came = read(path)
    except NoInteractionsError:
        return _nothing()
    if came.skipped:
        raise UsageError(f"{path}: {came.skipped[0].place} can't be replayed: {came.skipped[0].reason}")
    exchanges = tuple(one for cassette in came.cassettes.values() for one in cassette.exchanges)
    provenance: Provenance = next(iter(came.cassettes.values())).provenance
    return Cassette(provenance, exchanges)


def _nothing() -> Cassette:
    """What vcrpy takes a missing cassette for: a test may be marked and ask nothing."""
    from harness.cassette import Cassette  # noqa: PLC0415 - as above
    from harness.core.exchange import Provenance  # noqa: PLC0415 - as above

    return Cassette(Provenance("imported", ""))


@contextlib.contextmanager
def opened(path: Path, chosen: dict[str, Any], defaults: dict[str, Any]) -> Iterator[OpenVcr]:
    """The open tape: ours, or one that answers from vcrpy's file as it stands."""
    from harness.cassette import open_tape  # noqa: PLC0415 - as above
    from harness.cassette.opening import inserted  # noqa: PLC0415 - as above
    from harness.cassette.storage.store import remedy  # noqa: PLC0415 - as above
    from harness.cassette.tape import loaded  # noqa: PLC0415 - as above
    from harness.interception.traffic import Traffic, hosts  # noqa: PLC0415 - as above

    tape_options = {**defaults, **chosen, "allow": [*defaults.get("allow", ()), *chosen["allow"]]}
    missing = tape_options["mode"] == "none" and not path.exists()
    if path.suffix != ".yaml" and not missing:
        with open_tape(path, **tape_options) as tape:
            yield OpenVcr(tape)
        return
    traffic = Traffic(
        hosts(tape_options["allow"]),
        hosts(tape_options["ignore_hosts"]),
        tape_options["allow_subprocesses"],
        miss=tape_options["miss"],
    )
    tape = loaded(
        _nothing() if missing else imported(path),
        path,
        miss=tape_options["miss"],
        matcher=tape_options["matcher"],
        traffic=traffic,
        rules=tape_options["rules"],
    )
    if missing:
        tape.why_empty = f"there is no such cassette, as .json or .yaml; {remedy(path)}"
    with inserted(tape):
        yield OpenVcr(tape)


def _texts(value: Any) -> list[str]:
    return value.split(",") if isinstance(value, str) else list(value or ())


def _name(filter_: Any) -> str:
    """A filter is a name, or a name with what stands in its place."""
    return str(filter_[0] if isinstance(filter_, tuple | list) else filter_)


def _glob(expression: str) -> str:
    """A regular expression for hosts as one of our patterns."""
    return expression.strip("^$").replace(r"\.", ".").replace(".*", "*")

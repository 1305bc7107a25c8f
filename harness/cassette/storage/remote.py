"""Cassettes in object storage: a root that is a URL (``s3://bucket/path``, ``gs://…``, ``memory://…``), through fsspec.

What is there is read through a folder in the user's cache, by tag and content hash: only what has changed is fetched. A
recording goes up whole, when it is whole, and only if nobody else has recorded the same meanwhile: S3 checks that
itself (``If-Match``, ``If-None-Match``); for other stores it is looked up just before, which leaves a moment open.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from harness.cassette.storage.paths import free, partial
from harness.core.errors import CassetteError, CassetteWriteError, MissingExtraError, UsageError, install_command
from harness.core.folders import cache_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.core.chat import Json

_STATE = ".store"
_BATCH = 64
_CONDITIONS = {"s3", "s3a"}
"""Protocols whose stores compare the tag of an object while it is written."""
_TAGS = ("ETag", "etag", "generation", "LastModified", "mtime", "updated", "created")
_TAKEN = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")


def mirrored(url: str) -> Path:
    """The folder that holds what is at ``url``, brought up to date.

    Raises ``UsageError`` where fsspec or the store's package is missing, or the URL holds credentials;
    ``CassetteError`` where the store does not answer.
    """
    url = url.rstrip("/")
    _refuse_credentials(url)
    folder = cache_folder("stores") / hashlib.sha256(url.encode()).hexdigest()[:24]
    with _reaching(url), _state(folder, url) as state:
        store, base = _store(url)
        there = _listed(store, base)
        cached: dict[str, Json] = state["seen"]
        fresh = {name for name in there.keys() & cached.keys() if (folder / name).exists()}
        stale = [name for name, tag in there.items() if name not in fresh or cached[name]["tag"] != tag]
        for start in range(0, len(stale), _BATCH):
            part = stale[start : start + _BATCH]
            for path, data in store.cat([f"{base}/{name}" for name in part]).items():
                name = str(path).removeprefix(base).lstrip("/")
                _save_own(folder / name, cached.get(name))
                _write(folder / name, data)
                cached[name] = {"tag": there[name], "sha256": _sha(data)}
        for name in cached.keys() - there.keys():
            _save_own(folder / name, cached.pop(name))
            (folder / name).unlink(missing_ok=True)
    return folder


def published(path: Path) -> None:
    """Put the cassette at ``path`` into the store that its folder mirrors; nothing where it is in none.

    Raises ``CassetteWriteError`` where another has recorded it meanwhile: theirs stands, this one is saved beside it.
    """
    if cache_folder("stores") not in path.parents:
        return
    folder = next(one for one in path.parents if one.parent == cache_folder("stores"))
    url = json.loads((folder / _STATE).read_text(encoding="utf-8"))["url"]
    with _reaching(url), _state(folder, url) as state:
        store, base = _store(url)
        name = path.relative_to(folder).as_posix()
        data = path.read_bytes()
        earlier = state["seen"].get(name)
        if not _put(store, f"{base}/{name}", data, earlier and earlier["tag"]):
            own = free(partial(path))
            path.replace(own)
            theirs = store.cat_file(f"{base}/{name}")
            _write(path, theirs)
            state["seen"][name] = {"tag": _tag(store.info(f"{base}/{name}")), "sha256": _sha(theirs)}
            message = f"{url}/{name}: somebody else recorded it meanwhile; theirs stands, yours is saved in {own}"
            raise CassetteWriteError(message, path=str(path))
        state["seen"][name] = {"tag": _tag(store.info(f"{base}/{name}")), "sha256": _sha(data)}


def _put(store: Any, place: str, data: bytes, tag: str | None) -> bool:
    """Write an object if it is still the one of ``tag`` (None: if there is none). Whether it was."""
    if _protocol(store) in _CONDITIONS:
        condition = {"IfMatch": tag} if tag else {"IfNoneMatch": "*"}
        try:
            store.pipe_file(place, data, **condition)
        except OSError as error:
            if isinstance(error, FileExistsError) or any(word in str(error) for word in _TAKEN):
                store.invalidate_cache()
                return False
            raise
        store.invalidate_cache()
        return True
    store.invalidate_cache()
    there = _tag(store.info(place)) if store.exists(place) else None
    if there != tag:
        return False
    store.makedirs(place.rpartition("/")[0], exist_ok=True)
    store.pipe_file(place, data)
    store.invalidate_cache()
    return True


def _protocol(store: Any) -> str:
    protocol = store.protocol
    return str(protocol if isinstance(protocol, str) else protocol[0])


def _listed(store: Any, base: str) -> dict[str, str]:
    """The tag of every cassette below ``base``, by its name there."""
    store.invalidate_cache()
    try:
        found = store.find(base, detail=True)
    except FileNotFoundError:
        return {}
    names = {str(path).removeprefix(base).lstrip("/"): info for path, info in found.items()}
    return {name: _tag(info) for name, info in names.items() if _is_cassette(name)}


def _is_cassette(name: str) -> bool:
    inside = not any(part in {"", ".", ".."} for part in name.split("/"))
    return inside and name.endswith(".json") and not name.endswith(".partial.json")


def _tag(info: dict[str, Any]) -> str:
    return str(next((info[name] for name in _TAGS if info.get(name)), info.get("size")))


def _save_own(file: Path, earlier: Json) -> None:
    """What was recorded here and never came into the store is put aside before the store's own takes its place."""
    if file.exists() and (earlier is None or _sha(file.read_bytes()) != earlier["sha256"]):
        file.replace(free(partial(file)))


def _write(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    made = file.with_name(f".{file.name}.{os.getpid()}")
    made.write_bytes(data)
    made.replace(file)


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@contextlib.contextmanager
def _state(folder: Path, url: str) -> Iterator[dict[str, Json]]:
    """What is known of the store, one process at a time; written whatever happens."""
    from filelock import FileLock  # noqa: PLC0415 - only where a root is a URL

    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".store.lock"):
        file = folder / _STATE
        state = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"url": url, "seen": {}}
        try:
            yield state
        finally:
            _write(file, json.dumps(state, indent=1).encode())


def _store(url: str) -> tuple[Any, str]:
    """The store of ``url``, and the place in it."""
    try:
        import fsspec  # noqa: PLC0415 - the extra `store`, and only where a root is a URL
    except ImportError as error:
        raise MissingExtraError("store", f"fsspec, which {url} needs,") from error
    try:
        store, base = fsspec.url_to_fs(url)
    except ImportError as error:
        raise UsageError(f"{url}: {error}; for S3 run: {install_command('store')}") from error
    except ValueError as error:
        raise UsageError(f"{url}: fsspec knows no such store: {error}") from error
    return store, str(base).rstrip("/")


@contextlib.contextmanager
def _reaching(url: str) -> Iterator[None]:
    """Errors of a store, as ours: its words may quote a key, and are not repeated."""
    try:
        yield
    except (CassetteError, UsageError):
        raise
    except Exception as error:  # noqa: BLE001 - every store raises its own
        kind = type(error).__name__
        why = {"NoCredentialsError": "there are no credentials for it", "PermissionError": "access is denied"}
        raise CassetteError(f"{url}: the store can't be used: {why.get(kind, kind)}", path=url) from None


def _refuse_credentials(url: str) -> None:
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise UsageError("a store's URL holds credentials; leave them to its usual variables or files")

"""Patch a library when the program imports it: what a test does not use is not loaded for it."""

from __future__ import annotations

import importlib
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_lock = threading.RLock()
_waiting: dict[str, list[Callable[[ModuleType], None]]] = {}


def when_imported(name: str, call: Callable[[ModuleType], None]) -> None:
    """Call ``call`` with the module ``name``: now if it is loaded, else at the end of its import."""
    with _lock:
        if name not in sys.modules:
            if not any(finder is _finder for finder in sys.meta_path):
                sys.meta_path.insert(0, _finder)
            _waiting.setdefault(name, []).append(call)
            return
    call(importlib.import_module(name))  # another thread may be loading it: this waits for it


class _Finder:
    """Finds what the others find, with a loader that reports."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in _waiting:
            return None
        for finder in sys.meta_path:
            search = None if finder is self else getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = search(name, path, target) if search else None
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = _Loader(spec.loader)  # type: ignore[assignment]  # it does all that a loader does
                return spec
        return None


class _Loader:
    """The module's own loader, which it gets back before its code runs."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        made: ModuleType | None = self._loader.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        package, _, own = module.__name__.rpartition(".")
        if package:
            setattr(sys.modules[package], own, module)  # the import does that a moment later
        with _lock:
            calls = _waiting.pop(module.__name__, [])
        for call in calls:
            call(module)


_finder = _Finder()

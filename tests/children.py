"""Programs of the tests' own, forked from one process that has litellm loaded already.

A Python with litellm starts in two to four seconds. Where a test asks what a program does, and not what it loads,
the program is a fork of a process that has loaded it: environment, folder, arguments and output are its own.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

LOADED = ["litellm", "hypothesis", "httpx", "vcr", "jsonschema", "rich", "pytest"]
LIMIT = 300.0  # seconds, for what hangs
OUTSIDE = dict(os.environ)
"""The environment as it was before any test: for `pip`, which goes out."""

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(LOADED)


def python(
    *words: str, cwd: Path, env: dict[str, str] | None = None, loaded: bool = True
) -> subprocess.CompletedProcess[str]:
    """``python -m MODULE WORDS`` in ``cwd`` with ``env``: exit code, standard output and standard error.

    Where ``loaded`` is false it is an interpreter of its own, for tests of what a program imports.
    Raises: ``subprocess.TimeoutExpired`` after five minutes, when the program is killed.
    """
    if not loaded:
        command = [sys.executable, "-m", *words]
        return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=LIMIT, check=False)
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        child = _context.Process(
            target=_run, args=(words, str(cwd), dict(os.environ if env is None else env), out, err)
        )
        child.start()
        child.join(LIMIT)
        if child.exitcode is None:
            child.kill()
            child.join()
            raise subprocess.TimeoutExpired(words, LIMIT, out.read_bytes(), err.read_bytes())
        return subprocess.CompletedProcess(words, child.exitcode, out.read_text(), err.read_text())


def _run(words: tuple[str, ...], cwd: str, env: dict[str, str], out: Path, err: Path) -> None:
    """In the fork: all that a started interpreter takes from outside is put in place, then the module runs."""
    gc.freeze()  # half a million objects of litellm's: to look for garbage among them takes half of a short program
    for number, (path, flags) in enumerate(
        ((os.devnull, os.O_RDONLY), (out, os.O_WRONLY | os.O_CREAT), (err, os.O_WRONLY | os.O_CREAT))
    ):
        os.dup2(os.open(path, flags), number)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode, closefd=False) for number, mode in enumerate("rww"))
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr  # type: ignore[misc] # final to mypy
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    warnings.resetwarnings()
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    sys.path[:0] = [cwd, *filter(None, env.get("PYTHONPATH", "").split(os.pathsep))]
    sys.argv[:] = words
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)

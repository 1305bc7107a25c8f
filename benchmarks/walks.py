"""Through how many files of harness/ a value passes: ``python benchmarks/walks.py``.

A suite of one case is recorded from a scripted server and replayed; a card is made of the same recording. A file counts
where one of its functions is called while an argument or a local holds the value: a tool's name on its way from YAML to
verdict, a response's bytes (a text in them) on their way to a card.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

from harness.__main__ import main
from harness.server.in_process import answering

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

HOUSE = str(Path(__file__).parents[1] / "harness") + os.sep
TOOL, TEXT = "zebra/walks", "quagga walks"
SUITE = """
models: [{{backend: openai, name: walking, hostname: "{url}"}}]
cases:
  - id: walk
    messages: [{{user: "Where to?"}}]
    tools: [{{name: zebra/walks, parameters: {{type: object, properties: {{to: {{type: string}}}}}}}}]
    expect: {{calls: [{{name: zebra/walks}}]}}
"""
SCRIPT = "replies:\n  - {text: quagga walks, calls: [{name: zebra__walks, parameters: {to: water}}]}\n"


def walk(marks: tuple[str, ...], run: Callable[[], object]) -> list[str]:
    """The files, in the order in which they first hold one of ``marks``."""
    found: dict[str, None] = {}

    def profile(frame: FrameType, event: str, _: object) -> None:
        file = frame.f_code.co_filename
        if event != "call" or not file.startswith(HOUSE) or file in found:
            return
        for value in list(frame.f_locals.values()):
            try:
                text = repr(value)
            except Exception:  # noqa: BLE001 - an object half made has no repr
                continue
            if any(mark in text for mark in marks):
                found[file] = None
                return

    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            run()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return [file.removeprefix(HOUSE) for file in found]


def print_files(title: str, files: list[str]) -> None:
    print(f"{title}: {len(files)} files")
    for file in files:
        print(f"  {file}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "script.yaml").write_text(SCRIPT)
        at = ["--cassettes", str(folder / "cassettes")]
        with answering(folder / "script.yaml") as server:
            (folder / "walk.yaml").write_text(SUITE.format(url=server.openai))
            os.environ["OPENAI_API_KEY"] = "none"
            assert main(["record", str(folder / "walk.yaml"), *at]) == 0
        print_files(
            "a tool's name, from YAML to verdict",
            walk((TOOL, "zebra__walks"), lambda: main(["run", str(folder / "walk.yaml"), *at])),
        )
        print_files(
            "a response's bytes, to a card", walk((TEXT,), lambda: main(["card", "--from", str(folder / "cassettes")]))
        )

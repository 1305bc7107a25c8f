"""Debian's chromium, driven over its own protocol: enough of it to look at a page and to press its keys."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path

from websockets.sync.client import ClientConnection, connect

BINARY = shutil.which("chromium")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
]
KEYS = {
    "Enter": 13,
    "Escape": 27,
    "End": 35,
    "Home": 36,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
}


class Tab:
    """One open page, and whatever it asked for, said or threw."""

    def __init__(self, wire: ClientConnection) -> None:
        self._wire = wire
        self._numbers = itertools.count(1)
        self.events: list[dict] = []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.do(f"{domain}.enable")

    def do(self, method: str, **params):
        number = next(self._numbers)
        self._wire.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            came = json.loads(self._wire.recv(timeout=300))
            if came.get("id") == number:
                assert "error" not in came, came
                return came["result"]
            self.events.append(came)

    def look(self, file: Path, *, width: int = 1280, height: int = 900, dark: bool = False, fragment: str = "") -> None:
        self.events.clear()
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.do("Emulation.setEmulatedMedia", features=[scheme])
        self.do("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.do("Page.navigate", url="about:blank")
        self.do("Page.navigate", url=file.as_uri() + fragment)
        while self.run("document.readyState") != "complete" or not self.run("location.href").startswith("file:"):
            time.sleep(0.02)

    def run(self, script: str):
        came = self.do("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in came, came["exceptionDetails"]
        return came["result"].get("value")

    def until(self, script: str, value) -> None:
        """Wait for what the page does in a task of its own, such as a dialog's ``close``: it comes when it has time."""
        end = time.monotonic() + 120
        while (seen := self.run(script)) != value:
            assert time.monotonic() < end, f"{script} is {seen!r}, not {value!r}"
            time.sleep(0.02)

    def press(self, *keys: str) -> None:
        for key in keys:
            words = {"key": key, "code": key, "windowsVirtualKeyCode": KEYS.get(key, ord(key[0].upper()))}
            text = {"text": "\r"} if key == "Enter" else {"text": key} if len(key) == 1 else {}
            self.do("Input.dispatchKeyEvent", type="keyDown", **words, **text)
            self.do("Input.dispatchKeyEvent", type="keyUp", **words)

    def click(self, selector: str) -> None:
        where = f"document.querySelector({json.dumps(selector)})"
        self.run(f"{where}.scrollIntoView({{block: 'center', inline: 'center'}})")
        box = self.run(f"(({where}).getBoundingClientRect()).toJSON()")
        spot = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2, "button": "left", "clickCount": 1}
        for kind in ("mousePressed", "mouseReleased"):
            self.do("Input.dispatchMouseEvent", type=kind, **spot)

    def picture(self, file: Path, *, whole: bool = False) -> None:
        words = {"captureBeyondViewport": True} if whole else {}
        file.write_bytes(base64.b64decode(self.do("Page.captureScreenshot", **words)["data"]))

    @property
    def asked(self) -> list[str]:
        """Every address that the page asked for, its own file aside."""
        sent = [one["params"]["request"]["url"] for one in self.events if one["method"] == "Network.requestWillBeSent"]
        return [url for url in sent if not url.startswith(("data:", "file:", "about:"))]

    @property
    def complaints(self) -> list[str]:
        """What it logged or threw, and what its policy had to refuse."""
        wanted = {"Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"}
        return [json.dumps(one["params"])[:400] for one in self.events if one["method"] in wanted]


@contextlib.contextmanager
def browser(folder: Path):
    """A tab in a browser with a profile of its own in ``folder``, ended with it."""
    process = subprocess.Popen(
        [str(BINARY), *FLAGS, f"--user-data-dir={folder}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        port = folder / "DevToolsActivePort"
        for _ in range(4000):
            if port.is_file() and port.read_text().count("\n"):
                break
            time.sleep(0.05)
        base = f"http://127.0.0.1:{port.read_text().splitlines()[0]}"
        with urllib.request.urlopen(f"{base}/json/list") as answer:
            targets = json.load(answer)
        address = next(one["webSocketDebuggerUrl"] for one in targets if one["type"] == "page")
        with connect(address, max_size=None) as wire:
            yield Tab(wire)
    finally:
        process.terminate()
        process.wait(300)

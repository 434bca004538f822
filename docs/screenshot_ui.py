"""Pictures for the README: the report, and of the Dagster UI asset graph, a run, a failing check with its sample and remedy.

Usage: python docs/screenshot_ui.py [--home DIR] [--out docs/images] [--port 3333] [--only report] Needs a data home with at
    least one run, and Debian's chromium and chromium-driver. Everything stays on 127.0.0.1. Not part of `make
    test`.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from finance_sync.catalog import load_deployment
from finance_sync.orchestration.instance import settings_environment, write_home
from finance_sync.orchestration.ui import ui_command
from finance_sync.reports import write_report
from finance_sync.settings import Settings, export, load_settings

CHROME_ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--force-device-scale-factor=1",
]  # fmt: skip
# The check shown: the first of these that fails.
PREFERRED = ("c07_three_way_match", "c09_invoice_to_ledger", "c25_budget_versus_actual")


def post(url: str, body: dict[str, Any]) -> Any:
    """POST JSON, return JSON."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)


class Browser:
    """A headless Chromium, driven over the WebDriver protocol without any library."""

    def __init__(self, driver: str, width: int, height: int, profile: str) -> None:
        options = {"args": [*CHROME_ARGUMENTS, f"--window-size={width},{height}", f"--user-data-dir={profile}"],
                   "binary": "/usr/bin/chromium"}  # fmt: skip
        wanted = {"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}}
        self._url = f"{driver}/session/{post(f'{driver}/session', wanted)['value']['sessionId']}"

    def open(self, url: str, *, wait_for: str, seconds: float = 60, settle: float = 2.5) -> None:
        """Open a page and wait until a text is on it."""
        post(f"{self._url}/url", {"url": url})
        deadline = time.monotonic() + seconds
        while wait_for.lower() not in self.text().lower():
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"{wait_for!r} does not appear on {url}; the page says:\n{self.text()[:2000]}"
                )
            time.sleep(0.5)
        time.sleep(settle)

    def text(self) -> str:
        """The visible text."""
        return str(self.run("return document.body ? document.body.innerText : ''"))

    def run(self, script: str) -> Any:
        """Run JavaScript in the page."""
        return post(f"{self._url}/execute/sync", {"script": script, "args": []})["value"]

    def click_text(self, text: str) -> bool:
        """Click the innermost element that shows exactly this text."""
        return bool(self.run(
            "const all=[...document.querySelectorAll('button,a,div,span')].filter(e=>e.innerText&&e.innerText.trim()==="
            f"{json.dumps(text)}&&e.offsetParent);const e=all.pop();if(e)e.click();return !!e"
        ))  # fmt: skip

    def save(self, path: Path) -> None:
        """Save what is visible as PNG."""
        with urllib.request.urlopen(f"{self._url}/screenshot", timeout=60) as answer:
            path.write_bytes(base64.b64decode(json.load(answer)["value"]))
        print(f"{path} ({path.stat().st_size // 1024} kB)")

    def close(self) -> None:
        """End the session."""
        request = urllib.request.Request(self._url, method="DELETE")
        with urllib.request.urlopen(request, timeout=30):
            pass


@contextlib.contextmanager
def process(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A server in a process group of its own, stopped at the end."""
    with log.open("wb") as output:
        child = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            yield child
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGINT)
                try:
                    child.wait(timeout=20)
                except subprocess.TimeoutExpired:
                    os.killpg(child.pid, signal.SIGKILL)


def wait_for(url: str, seconds: float = 120) -> None:
    """Until a server answers."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)


def last_run(ui: str) -> str:
    """Id of the newest run of the nightly job."""
    query = '{runsOrError(limit:1, filter:{pipelineName:"nightly"}){... on Runs{results{runId status}}}}'
    return str(post(f"{ui}/graphql", {"query": query})["data"]["runsOrError"]["results"][0]["runId"])


def failing_check(ui: str) -> tuple[str, str]:
    """Asset path and name of a check that fails."""
    query = """{assetNodes{assetKey{path} assetChecksOrError{... on AssetChecks{checks{name
      executionForLatestMaterialization{status}}}}}}"""
    failed = {
        check["name"]: "/".join(node["assetKey"]["path"])
        for node in post(f"{ui}/graphql", {"query": query})["data"]["assetNodes"]
        for check in node["assetChecksOrError"].get("checks", [])
        if (check["executionForLatestMaterialization"] or {}).get("status") == "FAILED"
    }
    name = next(wanted for wanted in (*PREFERRED, *failed) if wanted in failed)
    return failed[name], name


def main() -> int:
    """Take the pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path)
    parser.add_argument("--deployment", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "images")
    parser.add_argument("--port", type=int, default=3333)
    parser.add_argument("--only", choices=["report", "ui"], help="only these pictures")
    parser.add_argument("--width", type=int, default=1600)
    parser.add_argument("--height", type=int, default=1200)
    options = parser.parse_args()
    settings = load_settings(home=options.home, deployment=options.deployment)
    options.out.mkdir(parents=True, exist_ok=True)
    if options.only != "ui":
        report_picture(settings, options.out / "report.png", options.port + 1)
    if options.only == "report":
        return 0
    write_home(settings)
    export(settings_environment(settings))
    ui, driver = f"http://127.0.0.1:{options.port}", f"http://127.0.0.1:{options.port + 1}"
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        server = process(ui_command(port=options.port, read_only=True), folder / "ui.log")
        chrome = process(["chromedriver", f"--port={options.port + 1}"], folder / "driver.log")
        with server, chrome:
            wait_for(f"{ui}/server_info")
            wait_for(f"{driver}/status")
            browser = Browser(driver, options.width, options.height, str(folder / "profile"))
            try:
                pictures(browser, ui, options.out)
            finally:
                browser.close()
    return 0


def report_picture(settings: Settings, path: Path, port: int) -> None:
    """The head of the report, as a laptop shows it."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        written = write_report(settings, load_deployment(settings), out=folder / "report.html")
        with process(["chromedriver", f"--port={port}"], folder / "driver.log"):
            wait_for(f"http://127.0.0.1:{port}/status")
            browser = Browser(f"http://127.0.0.1:{port}", 1280, 1500, str(folder / "profile"))
            try:
                browser.open(written.path.as_uri(), wait_for="Definitions and drill-down", settle=0.5)
                browser.save(path)
            finally:
                browser.close()


def pictures(browser: Browser, ui: str, out: Path) -> None:
    """Layers, graph, run, check, in the order in which one would look at them."""
    browser.open(f"{ui}/asset-groups", wait_for="publication", settle=6)
    browser.save(out / "layers.png")
    graph = f"{ui}/assets/marts/mart_control_results?view=lineage&lineageScope=neighbors"
    browser.open(graph, wait_for="rec_c07", settle=6)
    browser.save(out / "asset_graph.png")
    browser.open(f"{ui}/runs/{last_run(ui)}", wait_for="judge_controls", settle=4)
    browser.save(out / "run.png")
    asset, check = failing_check(ui)
    browser.open(f"{ui}/assets/{asset}?view=checks&checkDetail={check}", wait_for="what to do", settle=4)
    browser.click_text("Show more")
    time.sleep(2)
    browser.save(out / "failing_check.png")


if __name__ == "__main__":
    sys.exit(main())

"""The whole portal for the end-to-end tests: real processes, a real database, a real browser."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.post import post_office as post_office
from tests.run import folder_of_run, unused_port
from tests.web.browser_kit import CHROMIUM

ROOT = Path(__file__).parent.parent.parent
AS_LONG_AS_PEOPLE = "a whole portal, at the pace of its worker and its pages"


@dataclass(slots=True)
class Portal:
    """A running demo: its address, the sandbox's, the login, and everything it printed."""

    url: str
    sandbox: str
    login: str
    password: str
    process: subprocess.Popen[str]
    data: Path
    printed: list[str] = field(default_factory=list)

    def manage(self, *words: str) -> str:
        """Run a command of the portal on the same data, as its operator would; returns what it printed."""
        env = os.environ | {
            "DATA_DIR": str(self.data),
            "HUWISE_URL": self.sandbox,
            "HUWISE_API_KEY": "sandbox-key",
            "HUWISE_WORKSPACE": "demo",
            "QUIET_SECONDS": "1",
        }
        command = [sys.executable, str(ROOT / "manage.py"), *words]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout

    def kill_worker(self) -> None:
        """``kill -9`` the worker's main process, as an operator's mistake or the kernel would."""
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                is_ours = f"DATA_DIR={self.data}\0".encode() in (folder / "environ").read_bytes()
                command = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if is_ours and b"worker" in command:
                os.kill(int(folder.name), signal.SIGKILL)
                return
        raise AssertionError("no worker is running")


@pytest.fixture(scope="session")
def portal() -> Iterator[Portal]:
    """``manage.py demo`` on data of its own; stopped by Ctrl-C."""
    data = folder_of_run("portal")
    env = {name: value for name, value in os.environ.items() if not name.startswith("HUWISE_")}
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "demo", "--port", str(unused_port()), "--accounts", "600"],
        env=env | {"DATA_DIR": str(data), "LEASE_SECONDS": "10"},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    greeting = {line.split()[0]: line.split() for line in (next(process.stdout) for _ in range(3))}
    portal = Portal(
        url=greeting["portal"][1],
        sandbox=greeting["sandbox"][1],
        login=greeting["sign"][2],
        password=greeting["sign"][4],
        process=process,
        data=data,
    )
    threading.Thread(target=lambda: portal.printed.extend(process.stdout or ()), daemon=True).start()
    yield portal
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(120) == 0
    process.stdout.close()
    assert not processes_of(data), "Ctrl-C left processes behind"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Tests that use the running portal stay on one worker, so that there is one, and are the first to run.

    As the last they would leave the other workers without anything to do.
    """
    for item in items:
        if _uses_the_portal(item):
            item.add_marker(pytest.mark.xdist_group("portal"))
    yield
    items.sort(key=_uses_the_portal, reverse=True)


def _uses_the_portal(item: pytest.Item) -> bool:
    return "portal" in getattr(item, "fixturenames", ())


def processes_of(data: Path) -> list[str]:
    """Command lines of living processes that were started for a data folder, the database's among them."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environ = (folder / "environ").read_bytes()
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if (f"DATA_DIR={data}\0".encode() in environ or str(data) in command) and command:
            found.append(command)
    return found


@pytest.fixture
def browser() -> Iterator[Browser]:
    """Debian's Chromium. Without it these tests are skipped on a desk, and fail in CI.

    One for each test: as long as it is open, Playwright's loop runs, and Django would take each test that follows on
    this worker for one in a context of its own.
    """
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is missing; install Debian's package chromium.")
        pytest.skip("Chromium is missing; install Debian's package chromium to run the browser tests.")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, portal: Portal) -> Iterator[Page]:
    """A page of somebody who has signed in; fails on a console error or a violated content security policy."""
    context = browser.new_context(base_url=portal.url, viewport={"width": 1440, "height": 900}, locale="en-GB")
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("/")
    page.get_by_label("Username").fill(portal.login)
    page.get_by_label("Password").fill(portal.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/w/demo/")
    yield page
    context.close()
    assert not complaints

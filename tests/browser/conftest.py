"""A headless Chromium that belongs to the machine; nothing is downloaded for these tests.

``EVALGATE_CHROMIUM`` names another binary, ``EVALGATE_AXE`` another axe.min.js; ``.ci/run`` installs both.
"""

import os
from pathlib import Path

import pytest

CHROMIUM = Path(os.environ.get("EVALGATE_CHROMIUM", "/usr/bin/chromium"))
AXE = Path(
    os.environ.get("EVALGATE_AXE", Path.home() / ".cache/evalgate/axe/node_modules/axe-core/axe.min.js")
)


@pytest.fixture(scope="module")
def chromium():
    """Return a running browser; skip where there is none.

    It runs for one file: as long as it does, playwright keeps an event loop running in this thread, and tests
    of other files start their own.
    """
    if not CHROMIUM.exists():
        pytest.skip(f"there is no {CHROMIUM}: apt-get install chromium, or name another in EVALGATE_CHROMIUM")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe():
    """Return the source of axe-core; skip where it is not installed."""
    if not AXE.exists():
        pytest.skip(f"there is no {AXE}: npm install --prefix ~/.cache/evalgate/axe axe-core@4")
    return AXE.read_text("utf-8")


class Opened:
    """A page with what it asked for and what it complained about since it was opened."""

    def __init__(self, page):
        self.page = page
        self.requests = []
        self.complaints = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (self.complaints.append("a dialog"), dialog.dismiss()))

    def show(self, file, fragment=""):
        self.page.goto(file.as_uri() + fragment)
        self.page.wait_for_function("() => document.documentElement.dataset.ready")
        self.requests = [url for url in self.requests if url.partition("#")[0] != file.as_uri()]
        return self


@pytest.fixture
def open_page(chromium):
    """Return a function that opens a file in a context of its own."""
    contexts = []

    def opened(file, fragment="", *, wait=True, **settings):
        context = chromium.new_context(**({"viewport": {"width": 1280, "height": 900}} | settings))
        contexts.append(context)
        made = Opened(context.new_page())
        if wait:
            return made.show(file, fragment)
        made.page.goto(file.as_uri() + fragment)
        return made

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """Return a function that writes a report once and returns its file."""
    from evalgate.report.html.page import render

    folder = tmp_path_factory.mktemp("reports")

    def write(name, data):
        file = folder / f"{name}.html"
        if not file.exists():
            file.write_bytes(render(data()).encode())
        return file

    return write

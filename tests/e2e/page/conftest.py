"""The page in a real browser, Debian's Chromium, against `likeness up` with its worker.

Without Chromium, these tests are skipped, except in CI.
"""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

from tests.e2e.page.browser import CHROMIUM, chromium
from tests.support.up import Up, running_up

TELL_OF_VIOLATIONS = """document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} refuses ${event.blockedURI}`));"""


# Not for the session: while Playwright runs, no other test of this process can run an event loop.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None and "CI" not in os.environ:
        pytest.skip("Chromium isn't installed")
    assert CHROMIUM, "CI must have Chromium"
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with running_up(tmp_path_factory.mktemp("up")) as running:
        yield running


@pytest.fixture
def said() -> list[str]:
    """What the browser's console said. A test that expects nothing there takes it back."""
    return []


@pytest.fixture
def page(browser: Browser, said: list[str]) -> Iterator[Page]:
    """A page of a browser with nothing stored. Its console must be clean in the end, and so must the policy."""

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            said.append(f"{message.text} ({message.location.get('url')})")

    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
    context.add_init_script(TELL_OF_VIOLATIONS)
    context.set_default_timeout(20_000)
    opened = context.new_page()
    opened.on("console", note)
    opened.on("pageerror", lambda error: said.append(str(error)))
    yield opened
    context.close()
    assert said == []


@pytest.fixture
def signed_in(page: Page, up: Up) -> Page:
    page.goto(up.base)
    page.get_by_label("API key").fill(up.secret)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Personas").wait_for()
    return page

"""Whether the views can be used by keyboard and with a screen reader, on a phone, and in both colour schemes."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.support.up import SAMPLE, Up

VIEWS = ("personas", "personas/inf_sample-maya", "jobs", "operations", "nothing", "%")
SERIOUS = ("serious", "critical")


def findings(page: Page) -> list[str]:
    """What axe finds that keeps people out."""
    violations = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {node['html'][:200]} {node['failureSummary']}"
        for one in violations
        if one["impact"] in SERIOUS
        for node in one["nodes"]
    ]


@pytest.fixture
def look(signed_in: Page, up: Up) -> Callable[[str], Page]:
    def go(view: str) -> Page:
        signed_in.goto(f"{up.base}/#/{view}")
        signed_in.get_by_text("Loading").first.wait_for(state="detached")
        signed_in.locator("h1, .empty").first.wait_for()
        return signed_in

    return go


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(look: Callable[[str], Page], scheme: str) -> None:
    for view in VIEWS:
        page = look(view)
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        assert findings(page) == [], view


def test_axe_finds_nothing_serious_in_dialogs_and_before_signing_in(page: Page, up: Up) -> None:
    page.goto(up.base)
    page.get_by_label("API key").wait_for()
    assert findings(page) == []
    page.get_by_label("API key").fill(up.secret)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="New project").click()
    assert findings(page) == []
    page.keyboard.press("Escape")
    page.locator(SAMPLE).click()
    for dialog in ("Clone", "Edit"):
        page.get_by_role("button", name=dialog).click()
        for summary in page.locator("summary").all():
            summary.click()
        assert findings(page) == [], dialog
        page.keyboard.press("Escape")


@pytest.mark.parametrize("width", [360, 3840])
def test_nothing_overflows_a_small_or_a_large_screen(look: Callable[[str], Page], width: int) -> None:
    for view in VIEWS:
        page = look(view)
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, view


def test_the_keyboard_alone_leads_to_a_started_form(look: Callable[[str], Page]) -> None:
    page = look("personas")
    # The heading has the focus, and the first thing to do comes next.
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "New project"
    page.locator(SAMPLE).focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Maya Duarte").wait_for()
    assert page.evaluate("document.activeElement.tagName") == "H1"
    page.get_by_role("button", name="Clone").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Name of the clone").wait_for()
    page.keyboard.press("Escape")
    page.get_by_label("Name of the clone").wait_for(state="detached")

"""Makes the pictures of the page in `docs/page/`: `make screenshots`. It takes a few minutes.

Nothing compares them; look at them yourself.
"""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page

from tests.e2e.page.browser import chromium
from tests.support.up import SAMPLE, Up, running_up

LONG = 300_000


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data, running_up(Path(data)) as up, chromium() as browser:
        context = browser.new_context(
            viewport={"width": 1280, "height": 860}, locale="en-GB", color_scheme="light"
        )
        page = context.new_page()
        take(page, up, folder)
        context.close()


def take(page: Page, up: Up, folder: Path) -> None:
    def picture(name: str, *, whole: bool = False) -> None:
        page.wait_for_load_state("networkidle") if name != "job" else None
        page.screenshot(path=folder / f"{name}.jpg", type="jpeg", quality=88, full_page=whole)

    page.goto(up.link)
    page.locator(SAMPLE).click()
    page.get_by_role("button", name="Clone").click()
    page.get_by_role("button", name="Start").click()
    page.locator(".tile.stored").nth(3).wait_for(timeout=LONG)
    page.locator(".at-work img").first.wait_for(timeout=LONG)
    picture("job", whole=True)
    page.locator(".status.completed").wait_for(timeout=LONG)
    page.locator(".tile a").nth(1).click()
    page.locator(".stage img").first.wait_for()
    page.keyboard.press("b")
    picture("compare")
    page.get_by_role("link", name="Where this image comes from").click()
    page.get_by_role("heading", name="Rendered with").wait_for()
    picture("provenance", whole=True)
    page.goto(f"{up.base}/#/personas")
    page.locator(".card").nth(1).wait_for()
    picture("personas")
    page.locator(SAMPLE).click()
    page.locator("#clones").wait_for()
    picture("persona", whole=True)
    page.emulate_media(color_scheme="dark")
    page.goto(f"{up.base}/#/operations")
    page.locator("#webhooks").wait_for()
    picture("operations")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{up.base}/#/jobs")
    page.locator("tbody a").click()
    page.locator(".tile.stored").first.wait_for()
    picture("job-on-a-phone")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

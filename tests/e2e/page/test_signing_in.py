"""Signing in and out: by key, and by the link that `likeness up` prints, which works once."""

from playwright.sync_api import Browser, Page

from tests.support.up import SAMPLE, Up


def test_the_link_signs_in_once(browser: Browser, page: Page, up: Up, said: list[str]) -> None:
    page.goto(up.link)
    page.locator(SAMPLE).wait_for()
    assert up.link.rpartition("/")[2] not in page.url
    page.reload()
    page.locator(SAMPLE).wait_for()

    other = browser.new_context()
    again = other.new_page()
    again.goto(up.link)
    again.get_by_role("alert").get_by_text("This sign-in link was used already").wait_for()
    assert again.evaluate("sessionStorage.length") == 0
    assert again.get_by_label("API key").is_visible()
    other.close()
    assert said == []


def test_a_dead_link_leaves_a_session_as_it_is(signed_in: Page, up: Up, said: list[str]) -> None:
    signed_in.goto(f"{up.base}/#/sign-in/nothing")
    signed_in.get_by_role("heading", name="Personas").or_(signed_in.get_by_role("alert")).first.wait_for()
    assert signed_in.evaluate("sessionStorage.getItem('likeness-key')") == up.secret
    signed_in.goto(f"{up.base}/#/jobs")
    signed_in.get_by_role("heading", name="Jobs").wait_for()
    assert len(said) == 1
    assert "401" in said.pop()


def test_a_key_that_no_header_can_carry_is_told_as_such(page: Page, up: Up) -> None:
    page.goto(up.base)
    page.get_by_label("API key").fill("“lk_quoted”")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").get_by_text("Copy it again.").wait_for()


def test_a_wrong_key_is_told_and_forgotten(page: Page, up: Up, said: list[str]) -> None:
    page.goto(up.base)
    page.get_by_label("API key").fill("lk_wrong")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").get_by_text("UNAUTHENTICATED").wait_for()
    assert page.evaluate("sessionStorage.length") == 0
    # The browser itself reports the 401.
    assert len(said) == 1
    assert "401" in said.pop()


def test_signing_out_forgets_the_key(signed_in: Page) -> None:
    signed_in.get_by_role("button", name="Sign out").click()
    signed_in.get_by_label("API key").wait_for()
    assert signed_in.evaluate("sessionStorage.length") == 0


def test_an_api_that_is_away_is_told_and_comes_back(signed_in: Page, said: list[str]) -> None:
    signed_in.route("**/v1/**", lambda route: route.abort())
    signed_in.reload()
    signed_in.get_by_role("alert").get_by_text("The API can't be reached.").wait_for()
    signed_in.unroute("**/v1/**")
    signed_in.get_by_role("button", name="Try again").click()
    signed_in.get_by_role("heading", name="Personas").wait_for()
    assert said
    assert all("ERR_FAILED" in line for line in said)
    said.clear()

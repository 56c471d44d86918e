"""From an upload to a clone: what people do on the page, with a real worker behind it."""

import os
import re
import signal
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.support.processes import children, command_of
from tests.support.up import SAMPLE, Up
from worker.stack.samples import load_sample

# A worker that just started, and two busy cores.
LONG = 100_000
MB = 1024 * 1024


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Pictures of one person, as a user has them on a disk. One is too large for a request's body."""
    _, images = load_sample("maya")
    small, large = tmp_path / "maya.webp", tmp_path / "maya.png"
    small.write_bytes(images[0])
    Image.open(BytesIO(images[1])).resize((1024, 1024)).save(large, compress_level=0)
    assert large.stat().st_size > MB
    return [small, large]


def new_persona(page: Page, name: str, files: list[Path]) -> None:
    page.get_by_role("link", name="Personas", exact=True).click()
    page.get_by_role("button", name="New persona").click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("Gender").select_option("female")
    page.get_by_role("button", name="Create").click()
    page.get_by_role("heading", name=name).wait_for()
    page.locator("input[type=file]").set_input_files([str(file) for file in files])
    page.get_by_text(f"{len(files)} picture{'s' * (len(files) > 1)} added.").wait_for()


def start_clone(page: Page, name: str, *shots: str) -> None:
    page.get_by_role("button", name="Clone").click()
    page.get_by_label("Name of the clone").fill(name)
    page.get_by_text("Shots: the usual eight").click()
    for shot in shots:
        page.get_by_label(shot, exact=True).check()
    page.get_by_role("button", name="Start").click()
    page.get_by_role("heading", name=f"Clone: {name}").wait_for()


@pytest.mark.timeout(300)
def test_upload_clone_watch_and_compare(signed_in: Page, pictures: list[Path]) -> None:
    page = signed_in
    new_persona(page, "Nova", pictures)
    expect(page.locator("section", has_text="References").locator("li img")).to_have_count(2)
    expect(page.locator(".status.ready").first).to_be_visible()

    start_clone(page, "Nova (B variant)", "Smile", "Front")
    # In the order asked for, which is the sheet's.
    expect(page.locator(".tile")).to_have_count(2)
    assert [tile.get_attribute("data-shot") for tile in page.locator(".tile").all()] == ["front", "smile"]
    page.locator(".tile.stored").first.wait_for(timeout=LONG)
    page.locator(".status.completed").wait_for(timeout=LONG)
    expect(page.locator(".tile.stored")).to_have_count(2)
    for tile in page.locator(".tile").all():
        expect(tile.locator(".score")).to_have_text(re.compile(r"[✓✕] \.[0-9]{2}"))
        shown = tile.locator("img").evaluate("async (img) => (await img.decode(), img.naturalWidth)")
        assert shown > 0
    # It says the same after a reload, when nothing comes by events but what was.
    page.reload()
    expect(page.locator(".tile.stored")).to_have_count(2)

    page.locator(".tile a").first.click()
    page.get_by_role("heading", name="Nova (B variant): Front").wait_for()
    slider = page.get_by_role("slider")
    slider.focus()
    before = page.locator(".over").get_attribute("style")
    page.keyboard.press("ArrowRight")
    assert page.locator(".over").get_attribute("style") != before
    page.get_by_role("heading", name="Nova (B variant): Front").focus()
    page.keyboard.press("b")
    expect(page.locator(".box").first).to_be_visible()
    page.keyboard.press("ArrowRight")
    page.get_by_role("heading", name="Nova (B variant): Smile").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("heading", name="Clone: Nova (B variant)").wait_for()


@pytest.mark.timeout(300)
def test_cancel_then_retry(signed_in: Page) -> None:
    page = signed_in
    page.locator(SAMPLE).click()
    start_clone(page, "Maya (canceled)", "Front")
    canceled = page.url
    page.get_by_role("button", name="Cancel").click()
    page.locator(".status.canceled").wait_for(timeout=LONG)
    page.get_by_text("The job was canceled.").wait_for()
    page.get_by_role("button", name="Retry").click()
    page.wait_for_url(lambda url: url != canceled)
    page.locator(".status.completed").wait_for(timeout=LONG)
    expect(page.locator(".tile.stored")).to_have_count(1)


@pytest.mark.timeout(300)
def test_a_job_that_fails_says_why_and_can_be_retried(signed_in: Page, tmp_path: Path) -> None:
    page = signed_in
    wall = tmp_path / "wall.png"
    Image.new("RGB", (400, 400), "#887766").save(wall)
    new_persona(page, "Nobody", [wall])
    start_clone(page, "Nobody (B variant)", "Front")
    page.locator(".status.failed").wait_for(timeout=LONG)
    alert = page.get_by_role("alert")
    alert.get_by_text("NO_USABLE_REFERENCE").wait_for()
    alert.get_by_text("Add reference images that show one face clearly").wait_for()
    failed = page.url
    page.get_by_role("button", name="Retry").click()
    page.wait_for_url(lambda url: url != failed)
    page.locator(".status.failed").wait_for(timeout=LONG)
    # The persona leads to its job, and says the same.
    page.get_by_role("link", name="the clone").click()
    page.get_by_role("heading", name="Nobody (B variant)").wait_for()
    page.get_by_text("NO_USABLE_REFERENCE").wait_for()


def test_a_file_that_is_no_picture_is_refused_in_words(
    signed_in: Page, tmp_path: Path, said: list[str]
) -> None:
    page = signed_in
    page.locator(SAMPLE).click()
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n, and nothing else")
    page.locator("input[type=file]").set_input_files(str(tmp_path / "broken.png"))
    page.get_by_role("alert").get_by_text("VALIDATION").wait_for()
    page.locator("input[type=file]").set_input_files(
        {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"notes"}
    )
    page.get_by_role("alert").get_by_text("Choose PNG, JPEG or WebP files.").wait_for()
    assert len(said) == 1
    assert "422" in said.pop()


def test_the_list_of_jobs_leads_to_each(signed_in: Page, up: Up) -> None:
    page = signed_in
    page.get_by_role("link", name="Jobs", exact=True).click()
    page.get_by_label("Status").select_option("completed")
    listed = up.read("/v1/jobs?status=completed")["items"]
    if not listed:
        page.get_by_text("No job here").wait_for()
        return
    expect(page.locator("tbody tr")).to_have_count(len(listed))
    page.locator("tbody a").first.click()
    page.get_by_role("heading", name=re.compile("^Clone: ")).wait_for()
    page.locator(".status.completed").wait_for()


@pytest.mark.timeout(300)
def test_a_job_says_that_it_is_old_while_the_queue_is_away(signed_in: Page, up: Up) -> None:
    page = signed_in
    page.locator(SAMPLE).click()
    start_clone(page, "Maya (patient)", "Front", "Smile", "Profile")
    page.locator(".progress").wait_for()
    expect(page.get_by_text("Connecting")).to_have_count(0)
    old = page.get_by_text("can't read the queue now")
    (redis,) = (
        server
        for leash in children(up.process.pid)
        for server in children(leash)
        if "redis-server" in command_of(server)
    )
    # Silent, as behind a network that fails; `up` would start one anew that had ended.
    os.kill(redis, signal.SIGSTOP)
    try:
        old.wait_for(timeout=LONG)
        expect(page.locator(".status.running")).to_be_visible()
    finally:
        os.kill(redis, signal.SIGCONT)
    old.wait_for(state="detached", timeout=LONG)
    page.locator(".status.completed").wait_for(timeout=LONG)

"""What an image says of itself, and what operators see."""

import re
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, Route, expect

from api.rows.database import Database
from api.rows.keys import create_key
from tests.support.up import Up

# A clone's first image takes its time where the cores are busy.
LONG = 100_000


@pytest.mark.timeout(300)
def test_an_image_says_where_it_comes_from(signed_in: Page, up: Up) -> None:
    page = signed_in
    page.goto(f"{up.base}/#/personas/inf_sample-maya")
    page.get_by_role("button", name="Clone").click()
    page.get_by_text("Shots: the usual eight").click()
    page.get_by_label("Front", exact=True).check()
    page.get_by_role("button", name="Start").click()
    page.locator(".status.completed").wait_for(timeout=LONG)
    page.locator(".tile a").first.click()
    page.get_by_role("link", name="Where this image comes from").click()
    page.get_by_text("Signed, and whole").wait_for()
    page.get_by_text("a composite: pixels of the references, finished by a model").wait_for()
    page.get_by_text("a development certificate, for trying things: nobody vouches for it").wait_for()
    expect(page.get_by_role("img", name="The image")).to_be_visible()
    page.get_by_role("heading", name="Made from").wait_for()

    reference = up.read("/v1/influencers/inf_sample-maya")["referenceImages"][0]["assetId"]
    page.goto(f"{up.base}/#/images/{reference}")
    page.get_by_text("Not signed").wait_for()


def test_dead_letters_and_webhooks_have_their_buttons(signed_in: Page) -> None:
    """The calls themselves have tests; `up` alone makes neither letters nor webhooks."""
    error = {"code": "STORAGE_REFUSED", "message": "The store refuses.", "retryable": False, "details": {}}
    letter = {"letterId": "job_1", "at": "2026-11-29T12:00:00.000Z", "error": error, "canRetry": True}
    webhook = {
        "webhookId": "evt_1",
        "jobId": "job_1",
        "type": "job.failed",
        "url": "https://example.com/hook",
        "state": "failed",
        "tries": 1,
        "createdAt": letter["at"],
        "lastAnswer": "503",
    }
    asked: list[str] = []

    def answer(route: Route) -> None:
        request = route.request
        if request.method == "GET":
            items = [letter | {"jobId": "job_1"}] if "letters" in request.url else [webhook]
            route.fulfill(json={"items": items, "nextCursor": None})
        else:
            asked.append(f"{request.method} {request.url.partition('/v1')[2]}")
            route.fulfill(json={})

    page = signed_in
    page.route(re.compile("/v1/operations/(dead-letters|webhooks)"), answer)
    page.get_by_role("link", name="Operations").click()
    letters = page.get_by_role("region", name="Dead letters")
    letters.get_by_text("The store refuses.").wait_for()
    letters.get_by_role("button", name="Retry").click()
    letters.get_by_role("button", name="Drop").click()
    page.get_by_role("region", name="Webhooks").get_by_role("button", name="Replay").click()
    expect(letters.get_by_role("button", name="Drop")).to_be_enabled()
    assert asked == [
        "POST /operations/dead-letters/job_1/retry",
        "DELETE /operations/dead-letters/job_1",
        "POST /operations/webhooks/evt_1/replay",
    ]


def test_operations_are_for_keys_that_may(signed_in: Page, up: Up) -> None:
    page = signed_in
    page.get_by_role("link", name="Operations").click()
    queue = page.get_by_role("region", name="Queue")
    expect(queue.get_by_role("row")).to_have_count(2)
    workers = page.get_by_role("region", name="Workers")
    expect(workers.get_by_text("embedded")).to_be_visible(timeout=LONG)
    page.get_by_role("heading", name="Dead letters").wait_for()
    page.get_by_label("State").select_option("failed")
    page.get_by_text("No webhook was asked for.").wait_for()

    database = Database(f"sqlite:///{up.data / 'likeness.db'}")
    secret = create_key(database, "local").secret
    database.close()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("API key").fill(secret)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Jobs", exact=True).wait_for()
    expect(page.get_by_role("link", name="Operations")).to_have_count(0)
    page.goto(f"{up.base}/#/operations")
    page.get_by_text("This key may not look here").wait_for()


def test_a_persona_is_changed_and_what_was_left_alone_stays(signed_in: Page, up: Up, said: list[str]) -> None:
    page = signed_in
    project = up.read("/v1/influencers/inf_sample-maya")["projectId"]
    body: dict[str, Any] = {
        "name": "Vera",
        "ageRange": "25-34",
        "personality": {"tone": "dry", "humor": "rare", "traits": ["calm"], "catchphrases": ["Well, well."]},
    }
    key = {"authorization": f"Bearer {up.secret}"}
    made = httpx2.post(f"{up.base}/v1/projects/{project}/influencers", json=body, headers=key).json()
    path = f"/v1/influencers/{made['influencerId']}"
    page.goto(f"{up.base}/#/personas/{made['influencerId']}")
    page.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Vera <b>")
    dialog.get_by_label("Age").fill("12-15")
    dialog.get_by_role("button", name="Save").click()
    dialog.get_by_role("alert").get_by_text("VALIDATION").wait_for()
    assert "422" in said.pop()
    dialog.get_by_label("Age").fill("30s")
    dialog.get_by_text("How it speaks").click()
    dialog.get_by_label("Tone").fill("")
    dialog.get_by_label("Traits").fill("calm\n\n curious ")
    dialog.get_by_role("button", name="Save").click()
    page.get_by_role("heading", name="Vera <b>").wait_for()
    page.get_by_text("calm, curious").wait_for()
    row = up.read(path)
    assert (row["name"], row["ageRange"], row["gender"]) == ("Vera <b>", "30s", "unspecified")
    said_now = body["personality"] | {"traits": ["calm", "curious"]}
    assert row["personality"] == {name: value for name, value in said_now.items() if name != "tone"}

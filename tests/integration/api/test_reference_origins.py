"""Whose face a persona's references show, as it is stated over HTTP."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.rules import Rules
from tests.support.api.calls import error_of
from tests.support.api.client import Api, begin, create_message_of, message_of, result_of
from worker.queue.jobs import JobStore

WHOLE = {"kind": "consented", "statedBy": "Acme Ltd", "statedAt": "2026-11-01T00:00:00.000Z"}


def key_of(api: Api) -> str:
    me = api.call("GET", "/v1/me").json()
    return f"{me['organisation']}/{me['keyId']}"


def test_who_states_it_and_when_are_the_callers_if_it_leaves_them_out(api: Api) -> None:
    begun = datetime.now(UTC) - timedelta(seconds=1)
    source = api.source(referenceOrigin={"kind": "synthetic"})
    stated = api.row(source)["referenceOrigin"]
    assert (stated["kind"], stated["statedBy"]) == ("synthetic", key_of(api))
    assert begun < datetime.fromisoformat(stated["statedAt"]) < datetime.now(UTC)
    patched = api.call("PATCH", f"/v1/influencers/{source}", {"referenceOrigin": WHOLE}).json()
    assert patched["referenceOrigin"] == api.row(source)["referenceOrigin"] == WHOLE
    api.call("PATCH", f"/v1/influencers/{source}", {"name": "Renamed"})
    assert api.row(source)["referenceOrigin"] == WHOLE
    api.call("PATCH", f"/v1/influencers/{source}", {"referenceOrigin": None})
    assert "referenceOrigin" not in api.row(source)


def test_a_clone_inherits_it_unless_it_states_its_own(api: Api, store: JobStore) -> None:
    source = api.source(referenceOrigin=WHOLE)
    inherits = api.clone(source)
    own = api.clone(source, overrides={"referenceOrigin": {"kind": "synthetic"}})
    none = api.clone(source, overrides={"referenceOrigin": None})
    for started, expected in (
        (inherits, WHOLE),
        (own, {"kind": "synthetic", "statedBy": key_of(api)}),
        (none, None),
    ):
        message = message_of(store, started["jobId"])
        store.complete(begin(store, message), result_of(message))
        api.services.landing.sweep()
        row = api.row(started["influencerId"])
        assert row["status"] == "ready"
        origin = message.reference_origin_at(datetime.now(UTC))
        assert row.get("referenceOrigin") == (origin and origin.to_data())
        assert (expected or {}).items() <= (row.get("referenceOrigin") or {}).items()
        assert (row.get("referenceOrigin") is None) == (expected is None)


def test_a_made_up_persona_is_synthetic_by_the_workers_word(api: Api, store: JobStore) -> None:
    draft = api.influencer(api.project(), referenceOrigin=WHOLE)
    started = api.call("POST", f"/v1/influencers/{draft}/reference-images/render").json()
    message = create_message_of(store, started["jobId"])
    result = result_of(message)
    store.complete(begin(store, message), result)
    api.services.landing.sweep()
    stated = api.row(draft)["referenceOrigin"]
    assert (stated["kind"], stated["statedBy"]) == ("synthetic", "likeness")
    assert result.influencer.reference_origin
    assert stated == result.influencer.reference_origin.to_data()


@pytest.mark.parametrize(
    ("origin", "path"),
    [
        ({"kind": "real"}, "referenceOrigin.kind"),
        ({}, "referenceOrigin.kind"),
        ({"kind": "synthetic", "who": "I"}, "referenceOrigin.who"),
        ({"kind": "synthetic", "statedBy": "a\nb"}, "referenceOrigin.statedBy"),
    ],
)
def test_what_can_not_be_stated(api: Api, origin: Any, path: str) -> None:
    source = api.source()
    body = {"name": "N", "referenceOrigin": origin}
    answers = {
        path: api.call("POST", f"/v1/projects/{api.project()}/influencers", body),
        f"overrides.{path}": api.call(
            "POST", f"/v1/influencers/{source}/clone", {"name": "B", "overrides": {"referenceOrigin": origin}}
        ),
    }
    for expected, answer in answers.items():
        (field,) = error_of(answer, 422, "VALIDATION")["details"]["fields"]
        assert field["path"] == expected


def test_a_deployment_can_ask_for_it(api: Api) -> None:
    """LIKENESS_REFERENCES=stated, where the API has it, too."""
    services = api.services
    api.app.state.services = replace(services, rules=Rules(references="stated"))
    try:
        source = api.source()
        path = f"/v1/influencers/{source}/clone"
        cleared = {"name": "B", "overrides": {"referenceOrigin": None}}
        for body in ({"name": "B"}, cleared):
            details = error_of(api.call("POST", path, body), 422, "VALIDATION")["details"]
            assert details["subcode"] == "CONTENT_REFUSED"
            assert [field["path"] for field in details["fields"]] == ["overrides.referenceOrigin"]
        assert api.call("GET", "/v1/jobs").json()["items"] == []
        api.clone(source, overrides={"referenceOrigin": {"kind": "synthetic"}})
        api.call("PATCH", f"/v1/influencers/{source}", {"referenceOrigin": {"kind": "consented"}})
        api.clone(source)
        draft = api.influencer(api.project())
        assert api.call("POST", f"/v1/influencers/{draft}/reference-images/render").status_code == 202
    finally:
        api.app.state.services = services


def test_a_repeated_call_is_answered_as_the_first(api: Api) -> None:
    """The time that is filled in is no part of what was asked for."""
    path = f"/v1/influencers/{api.source()}/clone"
    body = {"name": "B", "overrides": {"referenceOrigin": {"kind": "synthetic"}}}
    first, again = (api.call("POST", path, body, idempotency_key="once") for _ in range(2))
    assert json.loads(first.content) == json.loads(again.content)

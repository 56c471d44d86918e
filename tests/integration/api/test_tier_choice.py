"""`tier` over HTTP: an organisation may choose what the deployment lets it choose, and nothing else."""

import pytest

from api.app import make_app
from api.rows.keys import create_key
from api.settings import ApiSettings
from models.errors import InvalidSettings
from models.record import JobError
from tests.support.api.calls import error_of
from tests.support.api.client import Api, begin, create_message_of, message_of
from worker.base.settings import Settings
from worker.queue.jobs import JobStore
from worker.queue.queue import JobQueue


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"tiers": {"gold": (), "bulk": (), "secret": ()}})


@pytest.fixture
def api_settings(api_settings: ApiSettings) -> ApiSettings:
    return api_settings.model_copy(
        update={"organisation_tiers": {"acme": ("gold", "default"), "rich": ("secret",)}}
    )


def test_a_tier_that_the_organisation_may_choose(api: Api, store: JobStore, settings: Settings) -> None:
    clone = api.clone(api.source(), tier="gold")["jobId"]
    draft = api.influencer(api.project())
    render = api.call("POST", f"/v1/influencers/{draft}/reference-images/render", {"tier": "gold"})
    assert (message_of(store, clone).tier, create_message_of(store, render.json()["jobId"]).tier) == (
        "gold",
        "gold",
    )
    assert JobQueue(settings, store).depths()[f"{settings.queue}.gold"] == 2
    api.clone(api.source(), tier="default")
    api.clone(api.source())
    assert JobQueue(settings, store).depths()[settings.queue] == 2


@pytest.mark.parametrize("tier", ["bulk", "secret", "none"])
def test_another_is_refused_and_nothing_is_told_of_it(api: Api, stranger: Api, tier: str) -> None:
    for caller, says in (
        (api, "choose from: gold, default"),
        (stranger, "the organisation can't choose one: leave it out"),
    ):
        answer = caller.call("POST", f"/v1/influencers/{caller.source()}/clone", {"name": "B", "tier": tier})
        error = error_of(answer, 422, "VALIDATION")
        assert (error["message"], error["details"]["fields"]) == (
            f"tier: {says}.",
            [{"path": "tier", "reason": says}],
        )
        assert caller.listed("/v1/jobs?limit=2") == []


def test_a_retry_keeps_the_tier_while_it_may_be_chosen(
    api: Api, store: JobStore, settings: Settings, api_settings: ApiSettings
) -> None:
    job_id = api.clone(api.source(), tier="gold")["jobId"]

    def failed_and_retried(caller: Api, job_id: str) -> str:
        error = JobError(code="RENDER_FAILED", message="No.")
        store.fail(begin(store, message_of(store, job_id)), error)
        return str(caller.call("POST", f"/v1/jobs/{job_id}/retry").json()["jobId"])

    again = failed_and_retried(api, job_id)
    assert message_of(store, again).tier == "gold"
    app = make_app(settings, api_settings.model_copy(update={"organisation_tiers": {}}))
    later = failed_and_retried(Api(app, create_key(app.state.services.database, "acme").secret), again)
    assert message_of(store, later).tier is None
    app.state.services.database.close()


def test_a_setting_with_a_tier_that_there_is_not_is_refused(
    settings: Settings, api_settings: ApiSettings
) -> None:
    wrong = api_settings.model_copy(update={"organisation_tiers": {"acme": ("silver",)}})
    with pytest.raises(InvalidSettings, match="LIKENESS_ORGANISATION_TIERS: silver"):
        make_app(settings, wrong)


def test_the_setting_is_json(monkeypatch: pytest.MonkeyPatch) -> None:
    from api import settings as module

    read = module.api_settings.__wrapped__
    monkeypatch.setenv("LIKENESS_ORGANISATION_TIERS", '{"acme": ["gold"]}')
    assert read().organisation_tiers == {"acme": ("gold",)}
    monkeypatch.setenv("LIKENESS_ORGANISATION_TIERS", "gold")
    with pytest.raises(InvalidSettings, match="must be JSON"):
        read()

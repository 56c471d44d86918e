"""`POST /v1/projects`, and what plain rules make of a brand's few words."""

from typing import Any

import pytest

from api.provision import AUDIENCES, NAMES, VOICES, provision
from tests.support.api.calls import error_of
from tests.support.api.client import Api, create_message_of
from worker.queue.jobs import JobStore

BRAND = {
    "name": "Spring",
    "audience": "Parents, 30 to 44, and gamers",
    "language": "English",
    "voice": "Warm and playful, like a neighbour",
}


def test_a_name_alone_is_a_project_alone(api: Api) -> None:
    made = api.call("POST", "/v1/projects", {"name": "Spring", "voice": None})
    assert made.status_code == 201
    assert made.json().keys() == {"projectId", "name", "createdAt"}
    assert api.call("GET", "/v1/jobs").json()["items"] == []


def test_a_brand_gets_its_first_influencer_and_its_images_begin(api: Api, store: JobStore) -> None:
    made = api.call("POST", "/v1/projects", BRAND, idempotency_key="k")
    assert made.status_code == 201
    told = made.json()
    row = told["influencer"]
    assert row == api.row(row["influencerId"])
    assert (row["projectId"], row["status"], row["referenceImages"]) == (told["projectId"], "pending", [])
    assert told["job"] == {
        "jobId": told["job"]["jobId"],
        "kind": "influencer_create",
        "status": "running",
        "influencerId": row["influencerId"],
        "locationUrl": f"/v1/jobs/{told['job']['jobId']}",
    }
    job = create_message_of(store, told["job"]["jobId"])
    stored = {name: value for name, value in row.items() if value is not None and name != "job"}
    assert job.persona.to_data() == stored
    assert job.accept_partial
    assert len(job.shots) == 4
    assert api.call("POST", "/v1/projects", BRAND, idempotency_key="k").content == made.content
    assert len(api.call("GET", "/v1/jobs").json()["items"]) == 1

    said = {
        name: row.get(name) for name in ("ageRange", "gender", "primaryLanguage", "voiceDescription", "vibe")
    }
    assert said == {
        "ageRange": "30-44",
        "gender": "unspecified",
        "primaryLanguage": "en",
        "voiceDescription": BRAND["voice"],
        "vibe": "lively, warm, approachable",
    }
    assert row["personality"] == {
        "traits": ["playful", "warm"],
        "tone": "light, warm",
        "humor": "teasing, gentle",
        "formality": "casual",
        "interests": ["family", "gaming"],
        "speakingStyle": "short and lively",
    }


@pytest.mark.parametrize(
    ("brand", "path"),
    [
        ({"audience": ""}, "audience"),
        ({"audience": "x" * 513}, "audience"),
        ({"language": "x" * 129}, "language"),
        ({"voice": "x" * 1025}, "voice"),
        ({"mood": "gay"}, "mood"),
    ],
)
def test_a_brand_has_its_limits(api: Api, brand: dict[str, str], path: str) -> None:
    (field,) = error_of(api.call("POST", "/v1/projects", {"name": "N"} | brand), 422, "VALIDATION")[
        "details"
    ]["fields"]
    assert field["path"] == path


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"audience": "18-24"}, {"ageRange": "18-24"}),
        ({"audience": "women aged 25 – 34"}, {"ageRange": "25-34", "gender": "unspecified"}),  # noqa: RUF001
        ({"audience": "teens"}, {"ageRange": "18-24", "formality": "casual"}),
        ({"audience": "children, 08-12"}, {"ageRange": "18-24"}),
        ({"audience": "people over 50"}, {"ageRange": "50+"}),
        ({"audience": "65+"}, {"ageRange": "65+"}),
        ({"audience": "in their 40s"}, {"ageRange": "40-49"}),
        ({"audience": "40-30"}, {"ageRange": None}),
        ({"audience": "since 2019-2025, 5 of 100"}, {"ageRange": None}),
        ({"audience": "busy professionals"}, {"formality": "formal", "interests": ["career"]}),
        ({"audience": "professionals", "voice": "casual"}, {"formality": "casual"}),
        ({"audience": "Gamers and hikers"}, {"interests": ["gaming", "outdoors"]}),
        ({"audience": "gamersville"}, {"interests": None, "ageRange": None}),
        ({"language": "pt-BR"}, {"primaryLanguage": "pt-BR"}),
        ({"language": "brazilian  Portuguese"}, {"primaryLanguage": "pt-BR"}),
        ({"language": "Klingon"}, {"primaryLanguage": "Klingon"}),
        ({"voice": "luxurious"}, {"tone": "refined", "style": "elegant", "vibe": "luxurious"}),
        ({"voice": "not too bold, never formal"}, {"traits": None, "vibe": None, "formality": None}),
        ({"voice": "a deep female voice"}, {"gender": "female", "traits": None}),
        ({"voice": "a man and a woman"}, {"gender": "unspecified"}),
        ({"voice": "pirate radio"}, {"voiceDescription": "pirate radio", "vibe": None, "tone": None}),
    ],
)
def test_what_words_make(words: dict[str, str], expected: dict[str, Any]) -> None:
    persona = provision("P", words.get("audience"), words.get("language"), words.get("voice")).to_data()
    found = persona | persona["personality"]
    assert {name: found.get(name) for name in expected} == expected


def test_the_name_follows_from_the_projects() -> None:
    names = [provision(f"Project {number}", None, "en", None).name for number in range(400)]
    assert names == [provision(f"Project {number}", None, "en", None).name for number in range(400)]
    assert set(names) == set(NAMES)


def test_all_words_at_once_still_fit() -> None:
    """No table can grow so that a row's fields overflow."""
    voice, audience = (" ".join(row.words for row in table) for table in (VOICES, AUDIENCES))
    provision("P", audience, None, voice)

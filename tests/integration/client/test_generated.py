"""Clients that are generated from the OpenAPI document keep a persona as it is: what isn't given isn't sent."""

import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from api.rows.database import Database
from api.rows.keys import create_key
from tests.support.api.client import message_of
from tests.support.generators.tools import (
    API_TYPES,
    generate_python,
    generate_types,
    present_document,
    require_generators,
    run,
)
from tests.support.servers.process import ApiProcess
from worker.base.settings import Settings
from worker.queue.jobs import JobStore

READ = ("PatchInfluencer", "CreateInfluencer", "CloneOverrides")
ROUND_TRIP = Path(__file__).parents[2] / "support" / "generators" / "round_trip.py"


@pytest.fixture(autouse=True)
def _generators() -> None:
    require_generators()


@pytest.fixture
def process(settings: Settings, tmp_path: Path) -> Iterator[ApiProcess]:
    """An API with a key of an organisation, which its client has."""
    url = f"sqlite:///{tmp_path}/api.db"
    database = Database(url)
    database.migrate()
    secret = create_key(database, "acme").secret
    database.close()
    started = ApiProcess(settings, url, 3600, tmp_path / "api.log")
    started.client.headers["Authorization"] = f"Bearer {secret}"
    yield started
    started.kill()


def with_defaults(document: Any) -> Any:
    """The document as it was when generated clients changed personas."""
    changed = deepcopy(document)
    for name in ("PatchInfluencer", "CloneOverrides"):
        changed["components"]["schemas"][name]["properties"]["gender"]["default"] = "unspecified"
    return changed


def test_a_python_client_renames_and_clones(process: ApiProcess, settings: Settings, tmp_path: Path) -> None:
    process.wait_ready()
    document = process.client.get("/openapi.json").json()
    assert genders_after(document, process, settings, tmp_path / "served") == ("female", "female")
    lost = genders_after(with_defaults(document), process, settings, tmp_path / "with-defaults")
    assert lost == ("unspecified", "unspecified")


def genders_after(document: Any, process: ApiProcess, settings: Settings, folder: Path) -> tuple[str, str]:
    """The gender of a woman that a generated client renamed, and of the clone that it gave red hair."""
    folder.mkdir()
    generate_python(document, folder)
    project = process.client.post("/v1/projects", json={"name": "Spring"}).json()["projectId"]
    picture = {"url": "https://images.example/maya.png"}
    asset = process.client.post(f"/v1/projects/{project}/media", json=picture).json()["assetId"]
    body = {"name": "Maya", "gender": "female", "referenceImages": {"assetIds": [asset]}}
    persona = process.client.post(f"/v1/projects/{project}/influencers", json=body).json()["influencerId"]

    key = process.client.headers["Authorization"].removeprefix("Bearer ")
    address = str(process.client.base_url)
    renamed, job_id = run("python", ROUND_TRIP, address, key, persona, PYTHONPATH=str(folder)).split()
    row = process.client.get(f"/v1/influencers/{persona}").json()
    assert (row["name"], row["gender"]) == ("Maya Renamed", renamed)
    appearance = message_of(JobStore(settings), job_id).appearance
    assert appearance.hair_color == "red"
    return renamed, appearance.gender


def test_typescript_types_leave_it_out_too() -> None:
    document = present_document()
    assert [optional_gender(generate_types(document), name) for name in READ] == [True, True, True]
    changed = generate_types(with_defaults(document))
    assert [optional_gender(changed, name) for name in READ] == [False, True, False]


def optional_gender(types: str, schema: str) -> bool:
    (mark,) = re.findall(
        rf"^        {schema}: \{{\n(?:  .*\n)*?            gender(\??):", types, re.MULTILINE
    )
    return bool(mark)


def test_the_types_of_the_typescript_client_are_the_documents() -> None:
    """If this fails: run `make schemas` and commit what changed."""
    assert API_TYPES.read_text() == generate_types(present_document())

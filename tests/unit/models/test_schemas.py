import json
from pathlib import Path

from models.schemas import schema_files

FOLDER = Path(__file__).parents[3] / "schemas"


def test_the_exported_schemas_equal_the_code() -> None:
    """If this fails: run `make schemas` and commit what changed."""
    assert {path.name: path.read_text() for path in FOLDER.glob("*.json")} == schema_files()


def test_the_schema_knows_both_spellings_of_humor() -> None:
    message = json.loads(schema_files()["clone-job.schema.json"])
    assert {"humor", "humorStyle"} <= set(message["$defs"]["Personality"]["properties"])

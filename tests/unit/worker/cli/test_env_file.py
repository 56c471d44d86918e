"""`--env-file`: which values count, and what a file that can't be read is told."""

import os
import sys
from pathlib import Path

import pytest

from models.errors import InvalidSettings
from worker.base.settings import Settings
from worker.cli import env_file, main

FILE = """
# A comment.
export LIKENESS_QUEUE=from-the-file
LIKENESS_S3_BUCKET='a b # c'  # the rest is a comment
LIKENESS_REDIS_PREFIX="quoted"
HF_ENDPOINT=https://hub.example/$HOME
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LIKENESS_REDIS_PREFIX", "from-the-environment")
    made = tmp_path / "env"
    made.write_text(FILE)
    return made


def test_the_environment_counts_before_the_file(file: Path) -> None:
    env_file.load(file)
    settings = Settings()
    assert (settings.queue, settings.s3_bucket) == ("from-the-file", "a b # c")
    assert settings.redis_prefix == "from-the-environment"
    # No variable is put into another, and what isn't a setting of ours is passed on.
    assert os.environ["HF_ENDPOINT"] == "https://hub.example/$HOME"


@pytest.mark.parametrize("arguments", [["{}", "queue"], ["queue", "{}"], ["queue", "{}", "--json"]])
@pytest.mark.parametrize("form", ["--env-file={}", "--env-file {}"])
def test_it_may_be_given_before_and_behind_a_command(
    arguments: list[str],
    form: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    option = form.format(tmp_path / "missing").split()
    given = [word for one in arguments for word in (option if one == "{}" else [one])]
    monkeypatch.setattr(sys, "argv", ["likeness", *given])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "No such file or directory" in capsys.readouterr().err


def test_the_variable_names_a_file_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(env_file.VARIABLE, str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["likeness", "queue"])
    with pytest.raises(SystemExit):
        main()
    assert "Is a directory" in capsys.readouterr().err


def test_what_follows_two_dashes_is_left_alone() -> None:
    assert env_file.in_front(["submit", "--", "--env-file", "x"]) == ["submit", "--", "--env-file", "x"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["queue", "--env-file", "a", "--env-file=b"], "Give --env-file once"),
        (["queue", "--env-file"], "requires an argument"),
        (["queue", "--env-file", "--", "x"], "requires an argument"),
    ],
)
def test_what_is_wrong_with_the_option_is_told(
    given: list[str], says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["likeness", *given])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert says in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    "line", ["LIKENESS_S3_SECRET_ACCESS_KEY hunter2", "A='hunter2", "hunter2", "A=hunter2\0", "'A=hunter2'=b"]
)
def test_a_line_that_can_not_be_read_is_named_and_not_quoted(line: str, tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text(f"LIKENESS_QUEUE=q\n{line}\n")
    with pytest.raises(InvalidSettings, match="Line 2 ") as caught:
        env_file.load(file)
    assert "hunter2" not in caught.value.message
    assert "LIKENESS_QUEUE" not in os.environ


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_bytes(b"A=\xff\xfe")
    with pytest.raises(InvalidSettings, match="UTF-8"):
        env_file.load(file)

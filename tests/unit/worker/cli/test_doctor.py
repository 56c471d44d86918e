"""`likeness doctor`: what it prints, when, and how it ends."""

import json
from collections.abc import Callable

import pytest

from models.errors import InvalidInput, QueueUnavailable
from worker.base.settings import Settings
from worker.cli.doctor import examine
from worker.cli.doctor.checks import Check, Unasked, Warned, all_checks

asked: list[str] = []


def check(name: str, outcome: str | Exception = "fine", needs: str | None = None) -> Check:
    def find(_: Settings) -> str:
        asked.append(name)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return Check(name, f"the {name}", find, needs)


Use = Callable[..., None]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Use:
    """Has these checks in place of all others."""
    asked.clear()

    def put(*checks: Check) -> None:
        monkeypatch.setattr("worker.cli.doctor.report.all_checks", lambda: list(checks))

    return put


def test_each_finding_is_printed_before_the_next_check_begins(
    use: Use, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[str] = []

    def look(_: Settings) -> str:
        seen.append(capsys.readouterr().out)
        return "done"

    use(check("first", "yes"), Check("second", "the second", look))
    assert examine()
    assert [line.split() for line in seen] == [["ok", "the", "first", "yes"]]


def test_a_warning_is_no_failure_and_a_failure_is_one(use: Use, capsys: pytest.CaptureFixture[str]) -> None:
    use(check("signer", Warned("it ends soon")))
    assert examine()
    assert capsys.readouterr().out.split() == ["!", "the", "signer", "it", "ends", "soon"]
    use(check("signer", QueueUnavailable("It is away.")))
    assert not examine()
    assert capsys.readouterr().out.split()[-1] == "(QUEUE_UNAVAILABLE)"


def test_what_needs_a_check_that_failed_is_not_asked(use: Use, capsys: pytest.CaptureFixture[str]) -> None:
    use(check("redis", QueueUnavailable("It is away.")), check("broker", needs="redis"), check("bucket"))
    assert not examine()
    assert asked == ["redis", "bucket"]
    assert "see redis" in capsys.readouterr().out


def test_json_is_one_document_a_line(use: Use, capsys: pytest.CaptureFixture[str]) -> None:
    use(
        check("a", "[bold]no markup[/]"),
        check("b", Warned("w")),
        check("c", QueueUnavailable("It is away.")),
        check("d", ZeroDivisionError("hunter2")),
        check("e"),
        check("f", Unasked("nothing is here")),
    )
    assert not examine(["e"], as_json=True)
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["check"], one["state"], one["code"]) for one in found] == [
        ("a", "ok", None),
        ("b", "warning", None),
        ("c", "failed", "QUEUE_UNAVAILABLE"),
        ("d", "failed", "INTERNAL"),
        ("e", "skipped", None),
        ("f", "skipped", None),
    ]
    assert found[0]["finding"] == "[bold]no markup[/]"
    assert "hunter2" not in str(found)
    assert asked == ["a", "b", "c", "d", "f"]


def test_a_check_that_is_not_there_can_not_be_skipped(use: Use) -> None:
    use(check("redis"))
    with pytest.raises(InvalidInput, match="Choose from: redis"):
        examine(["reddis"])
    assert asked == []


def test_every_check_has_a_name_of_its_own_and_needs_an_earlier_one() -> None:
    names = [one.name for one in all_checks()]
    assert len(set(names)) == len(names)
    assert "database" in names
    for one in all_checks():
        assert one.needs is None or names.index(one.needs) < names.index(one.name)

"""Notes about references: each once, and in words that fit into an error."""

from models.record import NotedReference
from worker.run.notes import sentence, with_note


def note(index: int, code: str = "NOT_CARRIED", message: str = "too far") -> NotedReference:
    return NotedReference(index=index, asset_id=f"med_{index}", code=code, message=message)


def test_a_note_is_kept_once_whatever_its_words() -> None:
    notes = with_note((), note(0))
    assert with_note(notes, note(0, message="too far: 52 degrees")) == notes
    assert len(with_note(with_note(notes, note(0, "GLASSES")), note(1))) == 3


def test_few_are_named_and_more_are_counted() -> None:
    assert sentence(()) == ""
    assert sentence([note(0), note(1)]) == (
        " Less than usual could be taken from some references: med_0 (too far), med_1 (too far)."
    )
    assert sentence([note(n) for n in range(5)]).endswith("med_2 (too far), 2 more, which the details name.")

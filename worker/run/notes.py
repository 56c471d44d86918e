"""Notes about references that conditioned the images less than they could have."""

from collections.abc import Sequence

from models.record import NotedReference

_MOST_NAMED = 3


def with_note(notes: tuple[NotedReference, ...], note: NotedReference) -> tuple[NotedReference, ...]:
    """Adds the note unless it is already there, since every order to the device gives all notes again."""
    is_known = any((one.index, one.code) == (note.index, note.code) for one in notes)
    return notes if is_known else (*notes, note)


def sentence(notes: Sequence[NotedReference]) -> str:
    """A sentence that names the references and the reasons, to follow others; empty without notes."""
    if not notes:
        return ""
    named = [f"{note.asset_id} ({note.message})" for note in notes[:_MOST_NAMED]]
    if more := len(notes) - len(named):
        named.append(f"{more} more, which the details name")
    return f" Less than usual could be taken from some references: {', '.join(named)}."

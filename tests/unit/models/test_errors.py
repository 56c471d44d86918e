"""The error tree: stable codes, a drawing that is true, and errors that survive a process border."""

import pickle
import re
from collections.abc import Iterator

from models import errors
from models.errors import LikenessError, ReferenceTooLarge


def _tree(kind: type[LikenessError]) -> Iterator[type[LikenessError]]:
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from _tree(child)


def test_the_drawing_lists_every_error_with_its_code() -> None:
    drawn = re.findall(r"[├└]── (\w+) +([A-Z_]+)", errors.__doc__ or "")
    assert drawn == [(kind.__name__, kind.code) for kind in _tree(LikenessError)]


def test_the_drawing_says_what_is_retryable() -> None:
    lines = (errors.__doc__ or "").splitlines()
    for kind in _tree(LikenessError):
        line = next(line for line in lines if f"── {kind.__name__} " in line)
        assert ("retryable" in line) == kind.retryable, line


def test_every_error_says_itself_when_it_is_raised() -> None:
    assert [kind.__name__ for kind in _tree(LikenessError) if not vars(kind).get("__doc__")] == []


def test_an_error_keeps_its_details_over_a_process_border() -> None:
    error = pickle.loads(pickle.dumps(ReferenceTooLarge("Too large.", limit=5)))
    assert (type(error), error.message, error.details) == (ReferenceTooLarge, "Too large.", {"limit": 5})

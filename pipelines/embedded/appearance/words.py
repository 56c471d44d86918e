"""Finds words with a known meaning in free text."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TypeVar

T = TypeVar("T")

NOT = "no|non|not|never|without|isnt"
BREAK = re.compile(rf"[,;/(]|\b(?:with|but|(?<!salt )(?<!pepper )and)\b|\b(?=(?:{NOT})\b)")


def clauses(text: str | None) -> Iterator[str]:
    """The text's clauses in lower case, with one space between words. Clauses that deny something are left out."""
    plain = unicodedata.normalize("NFKC", text or "").casefold().replace("+", " plus ")
    plain = " ".join(re.sub(r"[^\w,;/(]|_", " ", plain.replace("'", "").replace("\u2019", "")).split())
    for clause in map(str.strip, BREAK.split(plain)):
        if clause and clause.split()[0] not in NOT.split("|"):
            yield clause


def found(clause: str, meanings: Mapping[str, T]) -> Iterator[T]:
    """The meanings of the words in a clause. The longest match counts: "dark brown" isn't brown."""
    for match in _pattern(tuple(meanings)).finditer(clause):
        yield meanings[match[0]]


@cache
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(sorted(map(re.escape, words), key=len, reverse=True))})\b")


def all_found(text: str | None, meanings: Mapping[str, T | None]) -> list[T]:
    """The meanings of the words in all clauses, without words that mean nothing here."""
    meant = [meaning for clause in clauses(text) for meaning in found(clause, meanings)]
    return [meaning for meaning in meant if meaning is not None]


def only(meant: list[T]) -> T | None:
    """The meaning that all words share, or None if they disagree or there is none."""
    return meant[0] if len(set(meant)) == 1 else None

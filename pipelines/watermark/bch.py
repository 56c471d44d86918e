"""TrustMark's code: 61 bits in 96, of which any five may be wrong (BCH over GF(128), of length 127, shortened)."""

from functools import cache

_FIELD = 0b10001001
"""x^7 + x^3 + 1, whose root generates the field."""
_ERRORS = 5
_CHECKS = 7 * _ERRORS
BITS = 61
LENGTH = BITS + _CHECKS
# Data are padded to whole bytes before they are coded; the padding isn't sent.
_PADDING = 3


def encode(number: int) -> int:
    """The word of 96 bits, data first. Raises ValueError if the number has more than 61 bits."""
    if not 0 <= number < 1 << BITS:
        raise ValueError(f"a number from 0 to 2**{BITS} - 1 is needed")
    return number << _CHECKS | _remainder(number << (_PADDING + _CHECKS))


def decode(word: int) -> int | None:
    """The number in a word of 96 bits with up to five wrong ones, or None if there are more."""
    number, checks = word >> _CHECKS, word & ((1 << _CHECKS) - 1)
    padded = number << (_PADDING + _CHECKS) | checks
    wrong = _wrong_places(padded)
    if wrong is None:
        return None
    for place in wrong:
        padded ^= 1 << place
    right = padded >> (_PADDING + _CHECKS)
    # Places beyond the word, or in its padding, can't have been wrong: there were more than five errors.
    is_word = right < 1 << BITS and encode(right) == right << _CHECKS | padded & ((1 << _CHECKS) - 1)
    return right if is_word and padded >> _CHECKS & ((1 << _PADDING) - 1) == 0 else None


@cache
def _powers() -> tuple[int, ...]:
    """The powers of the field's generator, 127 of them."""
    powers = [1]
    for _ in range(126):
        power = powers[-1] << 1
        powers.append(power ^ _FIELD if power >> 7 else power)
    return tuple(powers)


def _power(exponent: int) -> int:
    return _powers()[exponent % 127]


@cache
def _logarithms() -> dict[int, int]:
    return {power: exponent for exponent, power in enumerate(_powers())}


def _product(one: int, other: int) -> int:
    return _power(_logarithms()[one] + _logarithms()[other]) if one and other else 0


def _quotient(one: int, other: int) -> int:
    return _power(_logarithms()[one] - _logarithms()[other]) if one else 0


@cache
def _generator() -> int:
    """The polynomial that divides every word: its roots are the first ten powers and their conjugates."""
    roots = {odd * 2**square % 127 for odd in range(1, 2 * _ERRORS, 2) for square in range(7)}
    polynomial = [1]
    for root in roots:
        shifted = [0, *polynomial]
        scaled = [*(_product(each, _power(root)) for each in polynomial), 0]
        polynomial = [a ^ b for a, b in zip(shifted, scaled, strict=True)]
    return sum(1 << place for place, each in enumerate(polynomial) if each)


def _remainder(dividend: int) -> int:
    while (excess := dividend.bit_length() - _CHECKS - 1) >= 0:
        dividend ^= _generator() << excess
    return dividend


def _wrong_places(padded: int) -> list[int] | None:
    """Which bits are wrong, or None if more than five are: the roots of the locator, by trying them all."""
    places = [place for place in range(padded.bit_length()) if padded >> place & 1]
    syndromes = []
    for exponent in range(1, 2 * _ERRORS + 1):
        total = 0
        for place in places:
            total ^= _power(exponent * place)
        syndromes.append(total)
    locator = _locator(syndromes)
    if len(locator) - 1 > _ERRORS:
        return None
    wrong = [place for place in range(127) if _value(locator, -place) == 0]
    return wrong if len(wrong) == len(locator) - 1 else None


def _locator(syndromes: list[int]) -> list[int]:
    """The shortest recurrence that gives the syndromes (Berlekamp and Massey), lowest coefficient first."""
    current, before, length, gap, last = [1], [1], 0, 1, 1
    for number, syndrome in enumerate(syndromes):
        off = syndrome
        for place in range(1, min(length, len(current) - 1) + 1):
            off ^= _product(current[place], syndromes[number - place])
        if off == 0:
            gap += 1
            continue
        change = [0] * gap + [_product(_quotient(off, last), each) for each in before]
        width = max(len(current), len(change))
        padded = [0] * (width - len(current))
        added = [0] * (width - len(change))
        new = [a ^ b for a, b in zip(current + padded, change + added, strict=True)]
        if 2 * length <= number:
            current, before, length, gap, last = new, current, number + 1 - length, 1, off
        else:
            current, gap = new, gap + 1
    while len(current) > 1 and current[-1] == 0:
        current.pop()
    return current


def _value(polynomial: list[int], exponent: int) -> int:
    total = 0
    for place, each in enumerate(polynomial):
        total ^= _product(each, _power(place * exponent))
    return total

"""Values derived from the job id and the shot alone, so that a second attempt makes the same image."""

from hashlib import sha256

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def seed_of(job_id: str, shot: str, number: int = 0) -> int:
    """The image's seed, 63 bits. `number` counts the tries of a shot from 0."""
    return int.from_bytes(_digest(job_id, shot, str(number))[:8]) >> 1


def person_seed_of(anchor_seed: int) -> int:
    """The seed of a made-up person, 63 bits, derived from the seed of the first image of that person."""
    return int.from_bytes(_digest("person", str(anchor_seed))[:8]) >> 1


def asset_id_of(job_id: str, shot: str) -> str:
    """The image's asset id: `med_` and 26 Crockford base32 characters (130 bits), as long as a ULID."""
    number = int.from_bytes(_digest(job_id, shot, "asset"))
    return "med_" + "".join(_CROCKFORD[number >> (5 * place) & 31] for place in reversed(range(26)))


def _digest(*parts: str) -> bytes:
    return sha256("\0".join(parts).encode()).digest()

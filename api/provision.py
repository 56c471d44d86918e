"""Derives a project's first influencer from a few words about the brand, by plain tables: equal words give equal
personas.

Only whole words match, in any case, unless a negation precedes them ("not formal"). Words that no table knows are
kept as they are where a field can hold free text (`voiceDescription` has the voice as it was given,
`primaryLanguage` an unknown language); otherwise they are only kept with the project. Nothing is guessed. How the
persona looks follows from its age range, gender, style and vibe, as for any other.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from api.rows.rows import Described
from models.influencer import Gender, Personality

# Given names that suit any gender. The project's name decides which one is used.
# fmt: off
NAMES = (
    "Alex", "Ariel", "Ash", "Avery", "Bay", "Billie", "Blake", "Cameron", "Casey", "Charlie", "Dana",
    "Devon", "Eden", "Ellis", "Emery", "Finley", "Frankie", "Gray", "Harper", "Indigo", "Jamie", "Jess",
    "Jo", "Jules", "Kai", "Kim", "Kit", "Lane", "Lee", "Lou", "Marley", "Max", "Mika", "Morgan", "Nico",
    "Noa", "Parker", "Quinn", "Reese", "Remy", "Riley", "Robin", "Rowan", "Sage", "Sam", "Sasha", "Sky",
    "Toni",
)
# fmt: on


@dataclass(frozen=True, slots=True)
class Audience:
    """A kind of audience, and the traits of a persona that speaks to it. Any of `words` matches."""

    words: str
    age_range: str | None = None
    interests: tuple[str, ...] = ()
    formality: str | None = None


@dataclass(frozen=True, slots=True)
class Voice:
    """A kind of voice, and the traits of a persona that has it. Style and vibe show in images, the rest in text."""

    words: str
    trait: str | None = None
    tone: str | None = None
    humor: str | None = None
    speaking_style: str | None = None
    formality: str | None = None
    style: str | None = None
    vibe: str | None = None


# A persona is an adult, whoever it speaks to. Where several rows match, the first one's age and formality count.
AUDIENCES = (
    Audience("teen teens teenager teenagers adolescents", "18-24", ("music", "friends"), "casual"),
    Audience("kid kids child children", "25-34", ("play", "stories"), "casual"),
    Audience("student students", "18-24", ("studying", "campus life"), "casual"),
    Audience("parent parents mum mums mom moms mother mothers dad dads father fathers", "30-44", ("family",)),
    Audience("family families", "30-44", ("family",)),
    Audience("senior seniors retiree retirees pensioner pensioners", "60-74", ("family", "travel")),
    Audience(
        "professional professionals executive executives manager managers", "30-44", ("career",), "formal"
    ),
    Audience("investor investors banker bankers lawyer lawyers", "35-54", ("finance",), "formal"),
    Audience("founder founders entrepreneur entrepreneurs", "30-44", ("business",)),
    Audience("developer developers engineer engineers programmer programmers", None, ("technology",)),
    Audience("gamer gamers", "18-29", ("gaming",), "casual"),
    Audience("athlete athletes runner runners cyclist cyclists", None, ("sports", "fitness")),
    Audience("hiker hikers climber climbers camper campers", None, ("outdoors",)),
    Audience("traveler travelers traveller travellers backpacker backpackers", None, ("travel",)),
    Audience("foodie foodies cook cooks baker bakers", None, ("food", "cooking")),
    Audience("gardener gardeners", None, ("gardening",)),
    Audience("artist artists designer designers creative creatives", None, ("art", "design")),
    Audience("musician musicians", None, ("music",)),
    Audience("reader readers writer writers", None, ("books",)),
    Audience("teacher teachers educator educators", None, ("education",)),
)

VOICES = (
    # words, trait, tone, humor, speaking style, formality, style, vibe
    Voice("playful cheeky fun", "playful", "light", "teasing", "short and lively", "casual", None, "lively"),
    Voice("funny humorous", "funny", None, "quick jokes", None, "casual"),
    Voice("witty dry sarcastic", "witty", None, "dry wit", "to the point"),
    Voice("warm friendly kind", "warm", "warm", "gentle", None, None, None, "warm, approachable"),
    Voice("caring empathetic supportive", "caring", "encouraging", None, "listens first"),
    Voice("expert authoritative knowledgeable", "knowledgeable", "assured", None, "explains step by step"),
    Voice("professional serious", "reliable", "matter-of-fact", None, None, "formal", "business attire"),
    Voice(
        "bold daring confident", "bold", "confident", None, "strong, direct statements", None, None, "bold"
    ),
    Voice("calm soothing relaxed", "calm", "calm", None, "slow and even", None, None, "calm, quiet"),
    Voice("energetic dynamic upbeat", "energetic", "upbeat", None, "fast", None, None, "energetic"),
    Voice(
        "luxurious luxury elegant", "refined", "refined", None, "measured", "formal", "elegant", "luxurious"
    ),
    Voice("minimalist simple", "clear", "plain", None, "few words", None, "minimalist"),
    Voice("inspiring inspirational motivating", "inspiring", "uplifting", None, "vivid images"),
    Voice("honest authentic sincere", "honest", "frank", None, "plain words"),
    Voice("rebellious edgy", "rebellious", "defiant", None, None, "casual", "street style", "edgy"),
    Voice("quirky eccentric whimsical", "quirky", "whimsical", "absurd", None, None, None, "quirky"),
    Voice("adventurous", "adventurous", "curious", None, None, None, "outdoor clothing", "adventurous"),
    Voice("formal", formality="formal"),
    Voice("casual informal", formality="casual"),
)

# Only matched in the voice: an audience of women says nothing about who speaks to it.
GENDERS: tuple[tuple[str, Gender], ...] = (
    ("female feminine woman", "female"),
    ("male masculine man", "male"),
    ("nonbinary non-binary", "nonbinary"),
)

# fmt: off
LANGUAGES = {
    "arabic": "ar", "bengali": "bn", "bulgarian": "bg", "catalan": "ca", "chinese": "zh", "croatian": "hr",
    "czech": "cs", "danish": "da", "dutch": "nl", "english": "en", "finnish": "fi", "french": "fr",
    "german": "de", "greek": "el", "hebrew": "he", "hindi": "hi", "hungarian": "hu", "indonesian": "id",
    "italian": "it", "japanese": "ja", "korean": "ko", "malay": "ms", "norwegian": "no", "persian": "fa",
    "polish": "pl", "portuguese": "pt", "romanian": "ro", "russian": "ru", "spanish": "es", "swahili": "sw",
    "swedish": "sv", "tamil": "ta", "thai": "th", "turkish": "tr", "ukrainian": "uk", "urdu": "ur",
    "vietnamese": "vi", "american english": "en-US", "british english": "en-GB", "mandarin": "zh",
    "brazilian portuguese": "pt-BR", "mexican spanish": "es-MX",
}
# fmt: on

_AGES = re.compile(r"\b([0-9]{2})\s*(?:-|–|to)\s*([0-9]{2})\b")  # noqa: RUF001 - people write dashes
_FROM_AGE = re.compile(r"\b(?:over|above)\s+([0-9]{2})\b|\b([0-9]{2})\s*\+")
_DECADE = re.compile(r"\b([2-9])0s\b")
_ADULT = 18
_YOUNG_ADULT = "18-24"
_NO = re.compile(r"\b(?:not|never|no|non|without|less|isn't|aren't)[\s-]+(?:too |very |so |overly )?$")


def provision(project: str, audience: str | None, language: str | None, voice: str | None) -> Described:
    """Describes the first persona of a project with this name."""
    said_of_people, said_of_voice = (audience or "").lower(), (voice or "").lower()
    people = [row for row in AUDIENCES if _says(said_of_people, row.words)]
    voices = [row for row in VOICES if _says(said_of_voice, row.words)]
    formalities = [*(row.formality for row in voices), *(row.formality for row in people)]
    return Described(
        name=NAMES[int.from_bytes(sha256(project.encode()).digest()[:8]) % len(NAMES)],
        gender=_gender_of(said_of_voice),
        age_range=_ages_of(said_of_people) or _first(row.age_range for row in people),
        style=_joined(row.style for row in voices),
        vibe=_joined(row.vibe for row in voices),
        primary_language=_language_of(language),
        voice_description=voice,
        personality=Personality(
            traits=_each(row.trait for row in voices),
            tone=_joined(row.tone for row in voices),
            humor=_joined(row.humor for row in voices),
            formality=_first(formalities),
            interests=_each(interest for row in people for interest in row.interests),
            speaking_style=_joined(row.speaking_style for row in voices),
        ),
    )


def _says(text: str, words: str) -> bool:
    pattern = "|".join(re.escape(word) for word in words.split())
    found = re.finditer(rf"(?<![\w-])(?:{pattern})(?![\w-])", text)
    return any(not _NO.search(text[: each.start()]) for each in found)


def _each(found: Iterable[str | None]) -> tuple[str, ...] | None:
    return tuple(dict.fromkeys(value for value in found if value)) or None


def _joined(found: Iterable[str | None]) -> str | None:
    return ", ".join(_each(found) or ()) or None


def _first(found: Iterable[str | None]) -> str | None:
    return next(iter(_each(found) or ()), None)


def _gender_of(voice: str) -> Gender:
    said = [gender for words, gender in GENDERS if _says(voice, words)]
    return said[0] if len(said) == 1 else "unspecified"


def _ages_of(audience: str) -> str | None:
    if found := _AGES.search(audience):
        first, last = int(found[1]), int(found[2])
        if first > last:
            return None
        return f"{first}-{last}" if first >= _ADULT else _YOUNG_ADULT
    if found := _FROM_AGE.search(audience):
        age = int(found[1] or found[2])
        return f"{age}+" if age >= _ADULT else _YOUNG_ADULT
    if found := _DECADE.search(audience):
        return f"{found[1]}0-{found[1]}9"
    return None


def _language_of(language: str | None) -> str | None:
    # A BCP 47 tag isn't a name in the table, so it is kept as it is.
    return language and LANGUAGES.get(" ".join(language.lower().split()), language)

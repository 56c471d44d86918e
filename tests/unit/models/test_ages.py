"""What an ageRange can say, and what is refused however it is spelled."""

import pytest

from models.ages import Ages, age_fault, read_ages


@pytest.mark.parametrize(
    ("text", "ages", "words"),
    [
        ("25-34", Ages(25, 34), "25-34"),
        ("25\N{EN DASH}34", Ages(25, 34), "25-34"),
        ("  25 -  34 ", Ages(25, 34), "25-34"),
        ("25 to 34", Ages(25, 34), "25-34"),
        ("18-24", Ages(18, 24), "18-24"),
        ("25", Ages(25, 25), "25"),
        ("25 years old", Ages(25, 25), "25"),
        ("Aged 30-40", Ages(30, 40), "30-40"),
        ("30s", Ages(30, 39), "30-39"),
        ("mid-30s", Ages(34, 36), "34-36"),
        ("Late 40s", Ages(47, 49), "47-49"),
        ("60+", Ages(60, None), "60 or older"),
        ("over 40", Ages(40, None), "40 or older"),
        ("above 40", Ages(40, None), "40 or older"),
    ],
)
def test_the_ages_of_adults_are_read(text: str, ages: Ages, words: str) -> None:
    assert read_ages(text) == ages
    assert str(ages) == words
    assert age_fault(text) is None


@pytest.mark.parametrize("text", [None, "", "  "])
def test_no_age_is_no_fault(text: str | None) -> None:
    assert age_fault(text) is None


@pytest.mark.parametrize(
    "text",
    [
        *(
            "8-10",
            "17-40",
            "17",
            "0",
            "08-12",
            "8 to 10",
            "8+",
            "over 12",
            "10s",
            "late 10s",
            "0-99",
            "1-120",
        ),
        *("under 30", "under 18", "up to 99", "below 40", "12 years old", "Aged 9", "  8 -  10"),
    ],
)
def test_a_lower_bound_under_18_is_refused(text: str) -> None:
    fault = age_fault(text)
    assert fault
    assert fault.rule == "age-under-18"


@pytest.mark.parametrize(
    "text",
    [
        *("\uff18-10", "\uff12\uff15-34", "\u0662\u0665", "2\u0665-34", "\u00b2\u2075", "18-10", "34-25"),
        *(
            "eight to ten",
            "twenty",
            "child",
            "teen",
            "teens",
            "young",
            "0018",
            "25-34; looks 10",
            "25-34 or 8",
        ),
        *(
            "25-34\n",
            "25\t34",
            "25\u00a0-\u00a034",
            "25\u221234",
            "25\u201434",
            "25\u201034",
            "2\u200b5",
            "25-",
        ),
        *("-25", "+60", "25-34-8", "25,34", "25/34", "25.5", "2e1", "30ss", "31s", "18-999", "999", "121+"),
        *("XXV", "over", "over over 40", "\N{ZERO WIDTH SPACE}", "\x00", "25-34)", "8 in 25-34", "(25)-34"),
    ],
)
def test_what_can_not_be_read_is_refused(text: str) -> None:
    fault = age_fault(text)
    assert fault
    assert fault.rule == "age-unreadable"
    assert read_ages(text) is None

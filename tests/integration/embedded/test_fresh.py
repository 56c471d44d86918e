"""A shot whose view is a reference's own becomes a fresh picture, because it gets another light."""

import numpy as np
import pytest
import torch
from PIL import Image

from models.gate_options import GateOptions
from models.likeness import Reason
from models.shot import shot_named
from pipelines.embedded.fresh import fresh_view
from pipelines.embedded.people.view import View, sample_view
from pipelines.embedded.person import Person
from pipelines.embedded.profile import Embedded
from pipelines.identity.loading import load_gate
from tests.support.pictures.rendered_people import picture

PERSON, SEED = 3, 5


@pytest.fixture(scope="module", params=["front", "side-light"])
def shot(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def drawn(shot: str) -> View:
    return sample_view(np.random.default_rng(SEED), shot_named(shot))


@pytest.fixture(scope="module")
def reference(drawn: View) -> Image.Image:
    return picture(PERSON, drawn)


@pytest.fixture(scope="module")
def person(engine: Embedded, reference: Image.Image) -> Person:
    person: Person = engine.pipe.read([reference])
    return person


def test_carried_into_its_own_view_a_reference_is_a_copy_and_into_a_fresh_one_it_is_not(
    engine: Embedded, person: Person, reference: Image.Image, drawn: View, shot: str
) -> None:
    views = [drawn, fresh_view(SEED, shot_named(shot), person.carrier.references)]
    generators = [torch.Generator().manual_seed(SEED) for _ in views]
    own, fresh = engine.pipe(person, views, generator=generators).images
    gate = load_gate(GateOptions(domain="rendered"))
    references = gate.check_references([reference])
    verdicts = [gate.judge(gate.portrait(image), references).verdict for image in (own, fresh)]
    assert [verdict.reasons for verdict in verdicts] == [(Reason.COPY_OF_REFERENCE,), ()]


def test_only_the_lamp_is_drawn_anew(person: Person, drawn: View, shot: str) -> None:
    view = fresh_view(SEED, shot_named(shot), person.carrier.references)
    assert view.lamp != drawn.lamp
    assert (view.yaw, view.pitch, view.zoom) == (drawn.yaw, drawn.pitch, drawn.zoom)
    assert np.array_equal(view.expression, drawn.expression)
    assert view.backdrop.kind == drawn.backdrop.kind
    assert (abs(view.lamp.azimuth) >= 60) == (shot == "side-light")


def test_another_pose_keeps_its_light(person: Person) -> None:
    turned = shot_named("three-quarter-left")
    view = fresh_view(SEED, turned, person.carrier.references)
    assert view.lamp == sample_view(np.random.default_rng(SEED), turned).lamp

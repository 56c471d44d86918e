"""A profile without weights: each image has one colour, which is its seed's."""

from pipelines.profile import Profile

FLAT = Profile(
    name="flat",
    pipeline="likeness_addition.pipeline:Flat",
    summary="One colour an image.",
    size=64,
    domain="rendered",
    reads_text=False,
    can_create=True,
)

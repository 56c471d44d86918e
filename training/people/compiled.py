"""What the renderer shares with the run-time drawing, for use in its compiled kernels: one formula for both."""

from numba.extending import register_jitable

from pipelines.embedded.people import paint

_compiled = register_jitable(fastmath=True)

step = _compiled(paint.step)
beard = _compiled(paint.beard)
scalp = _compiled(paint.scalp)
brow_place = _compiled(paint.brow_place)
brow_cover = _compiled(paint.brow_cover)
shirt = _compiled(paint.shirt)
cloth_colour = _compiled(paint.cloth_colour)
eye_colour = _compiled(paint.eye_colour)

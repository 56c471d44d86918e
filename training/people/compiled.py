"""What the renderer shares with the run-time drawing, for use in its compiled kernels: one formula for both."""

from numba.extending import register_jitable

from pipelines.embedded.people import noise, paint

_compiled = register_jitable(fastmath=True)

scrambled = _compiled(noise.scrambled)
noise1 = _compiled(noise.noise1)
noise2 = _compiled(noise.noise2)
step = _compiled(paint.step)
blush = _compiled(paint.blush)
around_eyes = _compiled(paint.around_eyes)
strand_brightness = _compiled(paint.strand_brightness)
beard = _compiled(paint.beard)
scalp = _compiled(paint.scalp)
brow_place = _compiled(paint.brow_place)
brow_cover = _compiled(paint.brow_cover)
shirt = _compiled(paint.shirt)
cloth_colour = _compiled(paint.cloth_colour)
eye_colour = _compiled(paint.eye_colour)

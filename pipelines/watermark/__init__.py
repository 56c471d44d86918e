"""Hides bits in images' pixels, so that an image stripped of its metadata is found again. It needs no torch."""

"""Draws a person's mesh as a finished picture: what each pixel shows, its colour without light, and the light."""

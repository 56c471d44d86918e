"""Judges whether an image shows the face of its references, and isn't merely a copy of one. Never imports torch."""

"""Looks at images before they are stored: nudity, and whether a person looks like a minor. It needs no torch."""

"""The commands that need the API."""

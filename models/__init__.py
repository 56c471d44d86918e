"""The pydantic documents that cross a process border, and the error tree. Nothing else lives here."""

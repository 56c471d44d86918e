"""The calls about jobs: records, lists, cancel, retry, events."""

"""The HTTP side of a call: authentication, rates, idempotency, pages, errors and event streams."""

"""Webhooks: the outbox's other end, the signed delivery, and its process."""

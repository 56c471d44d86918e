"""Webhooks: takes them from the outbox, signs and delivers them, in a process of its own."""

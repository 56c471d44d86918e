"""Operators' commands: the queue, dead letters, webhooks."""

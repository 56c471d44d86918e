"""The operators' calls, which cross organisations: the queue, the workers, dead letters, webhooks."""

"""The queue: Celery messages, and the job store in Redis."""

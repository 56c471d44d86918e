"""How a worker takes messages from Celery's queues: the consumer, its loop, and what it makes of a message."""

"""The queue: what is sent through the broker, and the job store beside it."""

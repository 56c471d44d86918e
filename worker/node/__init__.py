"""The process: it takes messages, keeps leases and health, and hands each job to `run`."""

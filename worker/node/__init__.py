"""The worker process: consumes messages, keeps leases, reports health, and runs attempts at jobs."""

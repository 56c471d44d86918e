"""What tests share about jobs."""

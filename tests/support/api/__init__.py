"""What tests share about the API."""

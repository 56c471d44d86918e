"""The profile `fake`: placeholders in milliseconds, and outcomes on demand, for producers' tests. Without torch."""

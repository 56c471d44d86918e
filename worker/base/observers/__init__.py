"""What watches: logs, metrics, traces."""

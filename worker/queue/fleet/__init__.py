"""The fleet as a whole: its workers, what waits for them, and gauges of both."""

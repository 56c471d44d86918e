"""Children, workers and embedders that stand in for real ones."""

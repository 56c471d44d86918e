"""The calls, grouped by resource."""

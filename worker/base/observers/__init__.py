"""Logs, metrics, traces, and the hooks that other observers use."""

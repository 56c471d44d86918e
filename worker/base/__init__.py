"""Shared foundations of the worker: settings, observers, child processes, threads, pictures."""

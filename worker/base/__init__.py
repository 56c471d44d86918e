"""What every room of the worker stands on: settings, observers, processes, threads, pictures."""

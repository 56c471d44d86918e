"""What crosses a process border: pydantic documents and the error tree, nothing else."""

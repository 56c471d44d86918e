"""What decides which of a job's images are taken: the likeness gate, and the safety gate."""

"""One job's work, from its references to its manifest."""

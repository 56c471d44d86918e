"""What the peers run, each in its own environment (see ../requirements.txt). It imports nothing of Likeness."""

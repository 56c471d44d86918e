"""Child processes that hold a model: how they are spawned, replaced when they die, and talked to."""

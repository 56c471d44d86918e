"""Commands that compare faces as the gate does."""

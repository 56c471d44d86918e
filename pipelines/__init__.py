"""Pipeline profiles and their weights, and the gate that judges what they render."""

"""The profile `embedded`: small networks of this project's own, for a CPU."""

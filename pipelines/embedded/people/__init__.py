"""A person as a code, and as a mesh that is posed for a view. Needs only NumPy."""

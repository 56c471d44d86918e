"""A renderer of people who don't exist: an identity is fixed, a view varies."""

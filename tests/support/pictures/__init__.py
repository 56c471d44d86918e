"""Pictures that tests make."""

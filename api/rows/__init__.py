"""The database: its tables, and what reads and writes them."""

"""How the end of a job reaches its rows."""

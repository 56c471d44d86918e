"""`likeness demo`, and the sample job that it shares with `likeness stack`."""

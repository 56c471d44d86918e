"""`likeness demo`, and the job that it and `likeness stack` begin with."""

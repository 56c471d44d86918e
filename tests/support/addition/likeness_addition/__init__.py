"""What another package can add to Likeness: a kind of job, a profile, an observer and a command."""

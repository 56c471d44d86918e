"""`python -m worker`: the command `likeness`, for where it isn't on the PATH."""

from worker.cli import main

if __name__ == "__main__":
    main()

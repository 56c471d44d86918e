"""Work on untrusted bytes in a child process: the caller's end, and the memory limit that the child sets itself."""

"""Looks for watermarks in pictures that somebody else may have made, in a child process."""

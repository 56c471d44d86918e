"""Watermarks the images of jobs, each with a number of its own."""

"""The watermark process: a spawned child that hides numbers in images' pixels, and the parent's handle on it.

It isn't the process that judges: an image is marked while the next one is judged, and neither waits for the other.
"""

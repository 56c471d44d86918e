"""Whether an image shows the face of its references, and isn't merely one of them again. Never imports torch."""

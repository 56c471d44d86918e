"""The mark: C2PA Content Credentials that state what made an image, and from what."""

"""The mark: C2PA Content Credentials that say of every image what made it, and from what."""

"""Landing: updates influencers' rows as their jobs begin and end."""

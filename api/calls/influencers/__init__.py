"""The calls about influencers: rows, clones, renders, selection for content."""

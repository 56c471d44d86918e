"""The training's data: which identities, their pictures and codes, in shards."""

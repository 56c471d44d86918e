"""Makes certificates: one for development, and requests for those that an authority gives out."""

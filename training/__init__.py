"""How the embedded profile's weights are made: people who don't exist, and a model that keeps their likeness."""

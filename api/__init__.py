"""The HTTP API: influencers, clones and jobs. It submits and reads jobs like any other client."""

"""The HTTP surface: influencers, clones and jobs. A producer and a reader of jobs like any other."""

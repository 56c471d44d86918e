"""Clients that are generated from the OpenAPI document. The generators have an environment of their own."""

"""Examples of the contract."""

# Word for word from the contract.
EXAMPLE = b"""{ "name": "Nova (B variant)",
  "newInfluencerId": "inf_01HX9Y6K7EJ4T2NOVAB",
  "overrides": { "personality": { "humorStyle": "dry-witty" } } }"""

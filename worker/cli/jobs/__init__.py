"""Commands about jobs: submit, watch and list them."""

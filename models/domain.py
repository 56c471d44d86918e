"""What pictures of faces are made of, as far as similarities go."""

from typing import Literal

Domain = Literal["rendered", "photographs"]
"""`rendered`: heads that a 3D program rendered. `photographs`: those, and generated images that look like them.
Similarities of the two don't compare: two photographs of one person are less alike than two renders of one head."""

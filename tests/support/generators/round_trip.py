"""What a user of a generated Python client does: renames a persona, and clones it with another hair colour.

It runs in the generators' environment, where the generated package is: `round_trip.py URL KEY INFLUENCER_ID`. It
prints the persona's gender and the clone's job id.
"""

import sys

from likeness_generated import AuthenticatedClient
from likeness_generated.api.influencers import clone, patch_influencer
from likeness_generated.models import CloneOverrides, PatchInfluencer, StartClone

url, key, persona = sys.argv[1:]
with AuthenticatedClient(base_url=url, token=key, raise_on_unexpected_status=True) as client:
    renamed = patch_influencer.sync(persona, client=client, body=PatchInfluencer(name="Maya Renamed"))
    overrides = CloneOverrides(hair_color="red")
    body = StartClone(name="Maya B", overrides=overrides)
    job = clone.sync(persona, client=client, body=body)
    print(renamed.gender, job.job_id)  # noqa: T201 - a command

"""The same work for all peers: references from S3, a device that takes its time for four images, PNGs to S3.

`template` works as the peers' own templates do: all images, then one upload after another. `tuned` is what an
expert would write: references and uploads by threads, and each image is stored while the next one is rendered.
"""

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import boto3
from botocore.config import Config
from PIL import Image

STEPS = 4
SHOTS = ("front", "smile", "serious", "profile")
SIDE, REFERENCES = 1024, 2


class Model:
    """What a peer loads once."""

    def __init__(self) -> None:
        self._seconds = float(os.environ["BENCH_SECONDS"])
        self._bucket = os.environ["BENCH_BUCKET"]
        self._client = boto3.client(
            "s3",
            endpoint_url=os.environ["BENCH_S3"],
            aws_access_key_id=os.environ["BENCH_KEY"],
            aws_secret_access_key=os.environ["BENCH_SECRET"],
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}, max_pool_connections=16),
        )
        self._pool = ThreadPoolExecutor(8)
        files = [Path(os.environ["BENCH_PICTURES"]) / f"{n + REFERENCES}.webp" for n in range(len(SHOTS))]
        self._pictures = [Image.open(file).convert("RGB").resize((SIDE, SIDE)) for file in files]

    def run(self, job: str, references: Sequence[str]) -> list[str]:
        """The keys of the images that were stored."""
        return (self._tuned if os.environ["BENCH_MODE"] == "tuned" else self._template)(job, references)

    def _template(self, job: str, references: Sequence[str]) -> list[str]:
        for key in references:
            self._fetch(key)
        return [
            self._store(job, shot, image) for shot, image in zip(SHOTS, list(self._render()), strict=True)
        ]

    def _tuned(self, job: str, references: Sequence[str]) -> list[str]:
        list(self._pool.map(self._fetch, references))
        stored = [
            self._pool.submit(self._store, job, shot, image)
            for shot, image in zip(SHOTS, self._render(), strict=True)
        ]
        return [each.result() for each in stored]

    def _fetch(self, key: str) -> Image.Image:
        data = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        return Image.open(BytesIO(data)).convert("RGB")

    def _render(self) -> Iterator[Image.Image]:
        for picture in self._pictures:
            for _ in range(STEPS):
                time.sleep(self._seconds / STEPS)
            yield picture

    def _store(self, job: str, shot: str, image: Image.Image) -> str:
        key, file = f"peers/{job}/{shot}.png", BytesIO()
        image.save(file, "PNG", compress_level=4)
        self._client.put_object(Bucket=self._bucket, Key=key, Body=file.getvalue(), ContentType="image/png")
        return key

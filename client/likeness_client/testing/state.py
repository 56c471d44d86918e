"""What the double of the API knows: projects, pictures, personas and jobs, and what a test makes of them."""

import itertools
from base64 import b64decode
from collections.abc import Iterable
from typing import Any

from likeness_client.documents import JobStatus

AT = "2026-01-01T00:00:00.000Z"
STORE = "https://store.test/"
SHOTS = ("front", "three-quarter-left", "three-quarter-right", "smile")
# One grey pixel.
PICTURE = b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
)
_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"

Row = dict[str, Any]


class State:
    """Rows by their ids, as the API shows them, and methods that a test calls."""

    def __init__(self) -> None:
        self.projects: dict[str, Row] = {}
        self.assets: dict[str, Row] = {}
        self.influencers: dict[str, Row] = {}
        self.jobs: dict[str, Row] = {}
        self.webhook_secrets: dict[str, Row] = {}
        self.selections: dict[str, Row] = {}
        self._deleted: set[str] = set()
        self.pictures: dict[str, bytes] = {}
        """The bytes of uploaded pictures, by asset id."""
        self.previews: dict[tuple[str, str], bytes] = {}
        """What a preview of a shot answers, by job id and shot."""
        self.provenance: Row = {}
        """What the provenance of every picture has beside, or in place of, that of an unsigned one."""
        self._numbers = itertools.count(1)
        self.events: dict[str, list[Row]] = {}

    def add_project(self, name: str) -> str:
        project_id = self.new_id("prj")
        self.projects[project_id] = {"projectId": project_id, "name": name, "createdAt": AT}
        return project_id

    def add_influencer(self, name: str, status: str = "ready", **fields: Any) -> str:
        """A persona: of a project of her own, unless there is a `projectId` among the fields."""
        influencer_id = fields.pop("influencerId", None) or self.new_id("inf")
        project_id = fields.pop("projectId", None) or self.add_project("A project")
        references = []
        if status == "ready" and "referenceImages" not in fields:
            references = [self.reference(self.asset(project_id))]
        row: Row = {"gender": "unspecified", "personality": {}, "referenceImages": references}
        row |= {"sourceInfluencerId": None, "job": None, "createdAt": AT, "updatedAt": AT}
        given = {"influencerId": influencer_id, "projectId": project_id, "name": name, "status": status}
        self.influencers[influencer_id] = row | fields | given
        return influencer_id

    def happen(self, job_id: str, kind: str, **fields: Any) -> None:
        """Publishes an event, such as `job.progress` with `progress=0.5`."""
        job = self.jobs[job_id]
        job |= {name: fields[name] for name in ("status", "stage", "progress") if name in fields}
        job["sequence"] += 1
        event = {"type": kind, "at": AT} | {
            name: job[name] for name in ("jobId", "sequence", "status", "stage", "progress")
        }
        self.events.setdefault(job_id, []).append(event | fields)

    def finish(self, job_id: str, status: JobStatus, **fields: Any) -> None:
        """Ends a job: `completed` (with its images), `failed` (with `error={...}`) or `canceled`."""
        job = self.jobs[job_id]
        row = self.influencers[job["influencerId"]]
        if status == "completed":
            images = [self._image(job, shot) for shot in job["asked"]["shots"]]
            row["referenceImages"] = [self.reference(self.assets[one["assetId"]]) for one in images]
            row |= {"status": "ready", "job": None}
            bare = {name: value for name, value in row.items() if name not in ("job", "sourceInfluencerId")}
            key = f"{row['projectId']}/{job_id}/manifest.json"
            result = {"influencer": bare, "images": images, "digitalSourceType": _SOURCE_TYPE}
            fields = {"result": result | {"manifestKey": key, "manifestUrl": STORE + key}} | fields
        else:
            row["status"] = "failed"
            if status == "failed":
                told = {"code": "RENDER_FAILED", "message": "The render failed.", "retryable": False}
                fields["error"] = told | fields.get("error", {})
            error = (
                {name: fields["error"][name] for name in ("code", "message")} if "error" in fields else None
            )
            row["job"] = {"jobId": job_id, "kind": job["kind"], "status": status, "error": error}
        job |= fields | {"finishedAt": AT}
        shown = {name: fields[name] for name in ("result", "error") if name in fields}
        self.happen(job_id, f"job.{status}", status=status, stage="done", progress=1.0, **shown)

    # What calls do, too

    def asset(self, project_id: str, picture: bytes | None = None) -> Row:
        asset_id = self.new_id("med")
        where = {"url": STORE + asset_id, "thumbnailUrl": None, "createdAt": AT}
        self.assets[asset_id] = {"assetId": asset_id, "projectId": project_id} | where
        self.pictures |= {} if picture is None else {asset_id: picture}
        return self.assets[asset_id]

    def reference(self, asset: Row) -> Row:
        return {"assetId": asset["assetId"], "url": asset["url"], "addedAt": AT}

    def start(self, row: Row, kind: str, shots: Iterable[str]) -> Row:
        job_id = self.new_id("job")
        where = {"influencerId": row["influencerId"], "locationUrl": f"/v1/jobs/{job_id}"}
        started = {"jobId": job_id, "kind": kind, "status": "running"} | where
        asked = {"shots": list(shots), "name": row["name"]}
        if row["sourceInfluencerId"]:
            asked["sourceInfluencerId"] = row["sourceInfluencerId"]
        record = {"stage": "queued", "progress": 0.0, "sequence": 0, "projectId": row["projectId"]}
        record |= {"asked": asked, "attempts": 0, "cancelRequested": False, "submittedAt": AT}
        record |= {"updatedAt": AT, "rejectedReferences": [], "referenceNotes": []}
        self.jobs[job_id] = started | record
        row |= {"status": "pending"}
        row["job"] = {"jobId": job_id, "kind": kind, "status": "running", "error": None}
        self.happen(job_id, "job.submitted")
        return started

    def new_id(self, prefix: str) -> str:
        return f"{prefix}_{next(self._numbers):026d}"

    def _image(self, job: Row, shot: str) -> Row:
        asset = self.asset(job["projectId"])
        key = f"{job['projectId']}/{job['jobId']}/{shot}"
        image = {
            "shot": shot,
            "assetId": asset["assetId"],
            "key": f"{key}.png",
            "thumbnailKey": f"{key}.webp",
        }
        image |= {"url": asset["url"], "thumbnailUrl": asset["url"], "bytes": len(PICTURE)}
        image |= {"sha256": "0" * 64, "thumbnailSha256": "0" * 64, "width": 1, "height": 1, "seed": 1}
        return image | {"digitalSourceType": _SOURCE_TYPE}

"""The calls of the API's double, by method and path."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import httpx2

from likeness_client.testing.state import AT, PICTURE, SHOTS, STORE, Row, State

Handler = Callable[..., httpx2.Response]


class Refused(Exception):
    """An error of the API."""

    def __init__(self, status: int, code: str, message: str, **details: Any) -> None:
        super().__init__(message)
        error = {"code": code, "message": message, "requestId": "req_test", "details": details}
        self.answer = httpx2.Response(status, json={"error": error})


class Calls(State):
    """Answers requests as the API does, from the state."""

    def called(self, request: httpx2.Request) -> httpx2.Response:
        """Raises Refused."""
        path = request.url.raw_path.decode().partition("?")[0].removeprefix("/v1/").split("/")
        for (method, template), answer in self._table().items():
            parts = template.split("/")
            if method == request.method and len(path) == len(parts):
                pairs = list(zip(path, parts, strict=True))
                if all(part in ("*", one) for one, part in pairs):
                    return answer(request, *(one for one, part in pairs if part == "*"))
        raise Refused(404, "NOT_FOUND", "There is no such call.")

    def _table(self) -> dict[tuple[str, str], Callable[..., httpx2.Response]]:
        def found(rows: dict[str, Row]) -> Callable[..., httpx2.Response]:
            return lambda _, one: _answer(_of(rows, one))

        return {
            ("GET", "me"): lambda _: _answer({"organisation": "test", "keyId": "key_1", "scopes": []}),
            ("GET", "projects"): lambda asked: _page(asked, self.projects.values()),
            ("POST", "projects"): self._create_project,
            ("PUT", "projects/*/primary-influencer"): self._set_primary,
            ("POST", "projects/*/content/selection"): self._select,
            ("GET", "projects/*/content/selections/*"): lambda _, __, one: _answer(_of(self.selections, one)),
            ("GET", "projects/*/media"): self._media,
            ("POST", "projects/*/media"): self._add_media,
            ("POST", "projects/*/media/uploads"): self._begin_upload,
            ("GET", "media/*"): found(self.assets),
            ("POST", "media/*/finalize"): found(self.assets),
            ("GET", "files/*"): self._file,
            ("GET", "files/*/thumbnail"): self._file,
            ("GET", "files/*/provenance"): self._provenance,
            ("GET", "projects/*/influencers"): self._list_influencers,
            ("POST", "projects/*/influencers"): self._create,
            ("GET", "influencers/*"): found(self.influencers),
            ("PATCH", "influencers/*"): self._patch,
            ("DELETE", "influencers/*"): self._delete,
            ("POST", "influencers/*/reference-images"): self._bind,
            ("POST", "influencers/*/reference-images/render"): self._render,
            ("POST", "influencers/*/clone"): self._clone,
            ("GET", "influencers/*/clones"): self._clones,
            ("GET", "jobs"): self._list_jobs,
            ("GET", "jobs/*"): found(self.jobs),
            ("GET", "jobs/*/events"): self._follow,
            ("GET", "jobs/*/previews/*"): self._preview,
            ("POST", "jobs/*/cancel"): self._cancel,
            ("POST", "jobs/*/retry"): self._retry,
            ("GET", "webhook-secrets"): lambda asked: _page(asked, self.webhook_secrets.values()),
            ("POST", "webhook-secrets"): self._new_secret,
            ("DELETE", "webhook-secrets/*"): self._delete_secret,
        }

    # Projects and pictures

    def _create_project(self, request: httpx2.Request) -> httpx2.Response:
        asked = json.loads(request.content)
        project = self.projects[self.add_project(asked["name"])]
        if set(asked) == {"name"}:
            return _answer(project, 201)
        row = self.influencers[self.add_influencer(asked["name"], "pending", projectId=project["projectId"])]
        started = self.start(row, "influencer_create", SHOTS)
        return _answer(project | {"influencer": row, "job": started}, 201)

    def _set_primary(self, request: httpx2.Request, project_id: str) -> httpx2.Response:
        _of(self.projects, project_id)
        return _answer({"projectId": project_id, **json.loads(request.content)})

    def _select(self, request: httpx2.Request, project_id: str) -> httpx2.Response:
        chosen = json.loads(request.content)["brief"].get("influencerId")
        ready = [row for row in self._of_project(project_id) if row["status"] == "ready"]
        row = _of(self.influencers, chosen) if chosen else next(iter(ready), None)
        if row is None or row["status"] != "ready":
            raise Refused(409, "CONFLICT", "No persona is ready.", subcode="INFLUENCER_NOT_READY")
        copied = {name: row[name] for name in ("influencerId", "name", "personality", "referenceImages")}
        selection = {"selectionId": self.new_id("sel"), "createdAt": AT, "projectId": project_id} | copied
        self.selections[selection["selectionId"]] = selection
        return _answer(selection)

    def _media(self, request: httpx2.Request, project_id: str) -> httpx2.Response:
        _of(self.projects, project_id)
        rows = [row for row in self.assets.values() if row["projectId"] == project_id]
        return _page(request, reversed(rows))

    def _add_media(self, request: httpx2.Request, project_id: str) -> httpx2.Response:
        _of(self.projects, project_id)
        if request.headers.get("content-type", "").startswith("image/"):
            return _answer(self.asset(project_id, request.content), 201)
        asset = self.asset(project_id)
        return _answer(asset | json.loads(request.content), 201)

    def _begin_upload(self, request: httpx2.Request, project_id: str) -> httpx2.Response:
        _of(self.projects, project_id)
        asset_id = self.asset(project_id)["assetId"]
        headers = {"Content-Type": json.loads(request.content)["mediaType"]}
        where = {"assetId": asset_id, "uploadUrl": STORE + asset_id, "method": "PUT"}
        return _answer(where | {"headers": headers, "expiresAt": AT}, 201)

    def _file(self, _: httpx2.Request, asset_id: str) -> httpx2.Response:
        return httpx2.Response(302, headers={"Location": _of(self.assets, asset_id)["url"]})

    def _provenance(self, _: httpx2.Request, asset_id: str) -> httpx2.Response:
        _of(self.assets, asset_id)
        nothing = {"found": False, "lookedFor": ["org.likeness.spread.1"]}
        unsigned = {"verdict": "unsigned", "problems": [], "ingredients": [], "watermark": nothing}
        return _answer(unsigned | self.provenance)

    def stored(self, request: httpx2.Request) -> httpx2.Response:
        asset_id = request.url.path.removeprefix("/")
        if request.method == "PUT":
            self.pictures[asset_id] = request.content
        return httpx2.Response(200, content=self.pictures.get(asset_id, PICTURE))

    # Personas

    def _of_project(self, project_id: str) -> list[Row]:
        _of(self.projects, project_id)
        return [row for row in self.influencers.values() if row["projectId"] == project_id]

    def _list_influencers(self, request: httpx2.Request, project_id: str) -> httpx2.Response:
        return _page(request, self._of_project(project_id))

    def _create(self, request: httpx2.Request, project_id: str) -> httpx2.Response:
        _of(self.projects, project_id)
        asked = json.loads(request.content)
        bound = asked.pop("referenceImages", {}).get("assetIds", [])
        images = [self.reference(self.assets[one]) for one in bound if one in self.assets]
        status = "ready" if images else "draft"
        made = self.add_influencer(
            asked.pop("name"), status, projectId=project_id, referenceImages=images, **asked
        )
        return _answer(self.influencers[made], 201)

    def _patch(self, request: httpx2.Request, influencer_id: str) -> httpx2.Response:
        row = _of(self.influencers, influencer_id)
        for name, value in json.loads(request.content).items():
            if name == "personality":
                row[name] = {k: v for k, v in (row[name] | value).items() if v is not None}
            elif value is None:
                row.pop(name, None)
            else:
                row[name] = value
        return _answer(row)

    def _delete(self, request: httpx2.Request, influencer_id: str) -> httpx2.Response:
        images = request.url.params.get("images") == "true"
        gone = {"influencerId": influencer_id, "status": "deleted", "deletedAt": AT}
        if images and influencer_id in self._deleted:
            return _answer(gone | {"images": "deleted"})
        row = _of(self.influencers, influencer_id)
        if row["job"] and row["job"]["status"] == "running":
            self.finish(row["job"]["jobId"], "canceled")
        del self.influencers[influencer_id]
        self._deleted.add(influencer_id)
        return _answer(gone | ({"images": "deleting"} if images else {}))

    def _bind(self, request: httpx2.Request, influencer_id: str) -> httpx2.Response:
        row = _of(self.influencers, influencer_id)
        given = json.loads(request.content)["assetIds"]
        row["referenceImages"] += [self.reference(self.assets[one]) for one in given if one in self.assets]
        row["status"] = "ready"
        return _answer({"influencerId": influencer_id, "referenceImages": row["referenceImages"]})

    # Jobs

    def _render(self, request: httpx2.Request, influencer_id: str) -> httpx2.Response:
        row = _of(self.influencers, influencer_id)
        if row["referenceImages"]:
            raise Refused(409, "CONFLICT", "It has its images.", subcode="HAS_REFERENCE_IMAGES")
        shots = json.loads(request.content or b"{}").get("shots", SHOTS)
        return _answer(self.start(row, "influencer_create", shots), 202)

    def _clone(self, request: httpx2.Request, source_id: str) -> httpx2.Response:
        source = _of(self.influencers, source_id)
        if not source["referenceImages"]:
            raise Refused(409, "CONFLICT", "The source has no usable image.", subcode="NO_USABLE_REFERENCE")
        asked = json.loads(request.content)
        own = ("influencerId", "name", "status", "referenceImages", "sourceInfluencerId", "job")
        copied = {name: value for name, value in source.items() if name not in own}
        copied |= {"influencerId": asked.get("newInfluencerId"), "sourceInfluencerId": source_id}
        made = self.add_influencer(asked["name"], "pending", **(copied | asked.get("overrides", {})))
        return _answer(self.start(self.influencers[made], "influencer_clone", asked.get("shots", SHOTS)), 202)

    def _clones(self, request: httpx2.Request, source_id: str) -> httpx2.Response:
        _of(self.influencers, source_id)
        return _page(
            request, (row for row in self.influencers.values() if row["sourceInfluencerId"] == source_id)
        )

    def _list_jobs(self, request: httpx2.Request) -> httpx2.Response:
        asked = request.url.params
        filters = {name: asked[name] for name in ("status", "kind", "influencerId") if name in asked}
        rows = [
            {name: value for name, value in job.items() if name != "result" or "include" in asked}
            for job in reversed(self.jobs.values())
            if all(job[name] == value for name, value in filters.items())
        ]
        return _page(request, rows)

    def _follow(self, request: httpx2.Request, job_id: str) -> httpx2.Response:
        job = _of(self.jobs, job_id)
        after = int(request.headers.get("last-event-id", 0))
        events = [event for event in self.events[job_id] if event["sequence"] > after]
        if not events and job["status"] != "running":
            return httpx2.Response(204)
        text = "".join(f"id: {e['sequence']}\nevent: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events)
        return httpx2.Response(200, text=text, headers={"content-type": "text/event-stream"})

    def _preview(self, _: httpx2.Request, job_id: str, shot: str) -> httpx2.Response:
        _of(self.jobs, job_id)
        if (job_id, shot) not in self.previews:
            return httpx2.Response(204)
        headers = {"content-type": "image/webp"}
        return httpx2.Response(200, content=self.previews[job_id, shot], headers=headers)

    def _cancel(self, _: httpx2.Request, job_id: str) -> httpx2.Response:
        accepted = _of(self.jobs, job_id)["status"] == "running"
        if accepted:
            self.finish(job_id, "canceled")
        return _answer({"jobId": job_id, "accepted": accepted}, 202 if accepted else 200)

    def _retry(self, _: httpx2.Request, job_id: str) -> httpx2.Response:
        job = _of(self.jobs, job_id)
        row = _of(self.influencers, job["influencerId"])
        if row["status"] != "failed":
            raise Refused(409, "CONFLICT", "There is nothing to retry.", subcode="NOTHING_TO_RETRY")
        return _answer(self.start(row, job["kind"], job["asked"]["shots"]), 202)

    # Webhook secrets

    def _new_secret(self, _: httpx2.Request) -> httpx2.Response:
        secret_id = self.new_id("whs")
        row = {"secretId": secret_id, "createdAt": AT, "beginning": "whsec_dGVz"}
        self.webhook_secrets[secret_id] = row
        return _answer(row | {"secret": "whsec_dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0"}, 201)

    def _delete_secret(self, _: httpx2.Request, secret_id: str) -> httpx2.Response:
        _of(self.webhook_secrets, secret_id)
        del self.webhook_secrets[secret_id]
        return _answer({"secretId": secret_id, "deletedAt": AT})


def _of(rows: Mapping[str, Row], one: str) -> Row:
    if one not in rows:
        raise Refused(404, "NOT_FOUND", "There is no such thing.")
    return rows[one]


def _answer(document: Any, status: int = 200) -> httpx2.Response:
    return httpx2.Response(status, json=document)


def _page(request: httpx2.Request, rows: Iterable[Row]) -> httpx2.Response:
    begin, limit = int(request.url.params.get("cursor", 0)), int(request.url.params.get("limit", 20))
    found = list(rows)
    more = str(begin + limit) if len(found) > begin + limit else None
    return _answer({"items": found[begin : begin + limit], "nextCursor": more})

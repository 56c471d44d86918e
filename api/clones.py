"""`POST /v1/influencers/{influencerId}/clone`."""

from fastapi import APIRouter
from fastapi.responses import Response
from sqlalchemy.orm import Session

from api.answers import Answer
from api.call import WRITES, Call
from api.influencers import new_influencer
from api.rows import document_of, influencer_of, project_of, references_of
from api.tables import JobRow
from models.errors import Conflict, NoUsableReference
from models.job import CloneRequest, ReferenceSource
from worker.client import plan_clone

router = APIRouter(prefix="/v1")


@router.post("/influencers/{influencer_id}/clone")
def clone(influencer_id: str, call: Call = WRITES) -> Response:
    """Row, job and answer are one transaction; then the job is submitted. Overrides wait for the landing."""

    def work(session: Session) -> Answer:
        asked = call.parsed(CloneRequest)
        source = influencer_of(session, call.organisation, influencer_id)
        document = document_of(session, source)
        images = references_of(session, source)
        if not images:
            raise Conflict(
                "The influencer has no reference image, so there is no likeness to clone. Add one first.",
                subcode=NoUsableReference.code,
            )
        if asked.new_influencer_id == source.influencer_id:
            raise Conflict("There is an influencer with this id already.", influencerId=influencer_id)
        references = [
            ReferenceSource(asset_id=asset.asset_id, key=asset.object_key)
            if asset.object_key
            else ReferenceSource(asset_id=asset.asset_id, url=asset.url)
            for _, asset in images
        ]
        job = plan_clone(document, asked, references)
        project = project_of(session, call.organisation, source.project_id)
        named = document.model_copy(update={"name": asked.name})
        row = new_influencer(session, project, job.influencer_id, "pending", named)
        session.add(
            JobRow(
                job_id=job.job_id,
                organisation=call.organisation,
                project_id=project.project_id,
                influencer_id=row.influencer_id,
                message=job.to_json(),
                created_at=row.created_at,
            )
        )
        answer = {
            "jobId": job.job_id,
            "kind": job.kind,
            "status": "running",
            "influencerId": job.influencer_id,
        }
        return Answer.of(202, answer, job)

    return call.write(work)

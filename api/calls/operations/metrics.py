"""`GET /metrics`: the metrics, for scrapers that have a key. It is no part of the API's document."""

from fastapi import APIRouter
from fastapi.responses import Response

from api.http.call import OPERATES, Call

router = APIRouter(include_in_schema=False)


@router.get("/metrics")
def get_metrics(call: Call = OPERATES) -> Response:
    """Answers in Prometheus' text format, or OpenMetrics. Without a key, LIKENESS_HTTP_PORT serves the same."""
    body, content_type = call.services.metrics.exposition(call.request.headers.get("accept", ""))
    return Response(body, headers={"Content-Type": content_type})

"""`GET /live` and `GET /ready` (also `/health`): probes like a worker's. They need no key, and are no part of the
API's document."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from api.http.call import Services

router = APIRouter(include_in_schema=False)


@router.get("/live")
async def live() -> JSONResponse:
    """Answers as long as the process does anything at all."""
    return _answer([])


@router.get("/ready")
@router.get("/health")
def ready(request: Request) -> JSONResponse:
    """Answers 503 while the database is away."""
    services: Services = request.app.state.services
    return _answer(services.readiness.reasons())


def _answer(reasons: list[str]) -> JSONResponse:
    return JSONResponse({"ok": not reasons, "reasons": reasons}, 503 if reasons else 200)

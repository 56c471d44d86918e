"""`GET /v1/me`: whose key this is."""

from fastapi import APIRouter
from fastapi.responses import Response

from api.documents import Me
from api.http.answers import Answer
from api.http.call import ANY_KEY, Call, as_response

router = APIRouter(prefix="/v1", tags=["me"])


@router.get("/me", response_model=Me)
def get_me(call: Call = ANY_KEY) -> Response:
    """Returns the organisation that the key belongs to, and the key's scopes."""
    caller = call.caller
    me = Me(organisation=caller.organisation, key_id=caller.key_id, scopes=tuple(sorted(caller.scopes)))
    return as_response(Answer.of(200, me))

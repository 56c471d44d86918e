"""A FastAPI application with one route that does nothing: what the framework and the server cost by themselves.

python -m bench.bare_route PORT
"""

import sys
from typing import Annotated

import uvicorn
from fastapi import FastAPI, Header
from fastapi.responses import Response

app = FastAPI()
# The running job's, in bench.poll.
TAG = '"3"'
BODY = b'{"status": "running"}' + b" " * 400


@app.get("/v1/jobs/{job_id}")
async def get_job(job_id: str, if_none_match: Annotated[str | None, Header()] = None) -> Response:
    if if_none_match == TAG:
        return Response(status_code=304)
    return Response(BODY, media_type="application/json", headers={"ETag": TAG})


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_config=None, access_log=False)

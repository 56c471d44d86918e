"""Calls the Likeness API: personas, clones and their jobs.

with Client("http://localhost:8080", key) as likeness:
    job = likeness.clone("inf_sample-maya", "Maya (B variant)")
    for event in likeness.follow(job["jobId"]):
        print(event["type"])
"""

from likeness_client.aio import AsyncClient
from likeness_client.client import Client
from likeness_client.errors import (
    BadSignature,
    Conflict,
    Forbidden,
    Invalid,
    JobTimeout,
    LikenessError,
    NotFound,
    RateLimited,
    Unauthenticated,
    Unavailable,
)
from likeness_client.requests import Patience, Request
from likeness_client.webhooks import verify

__all__ = [
    "AsyncClient",
    "BadSignature",
    "Client",
    "Conflict",
    "Forbidden",
    "Invalid",
    "JobTimeout",
    "LikenessError",
    "NotFound",
    "Patience",
    "RateLimited",
    "Request",
    "Unauthenticated",
    "Unavailable",
    "verify",
]

"""Documents of the contract, as producers write them."""

from models.job import CloneJob

JOB_ENVELOPE = """
{ "jobId": "job_01JDG3T4Q8J9W2M5X7Y0Z1A2B3", "kind": "influencer_clone", "status": "running",
  "stage": "rendering", "progress": 0.42, "influencerId": "inf_01HX9Y6K7EJ4T2NOVAB",
  "projectId": "8c0a54a8-6f0e-4d9b-9c1f-2b7f6f1f0a11",
  "locationUrl": "/v1/jobs/job_01JDG3T4Q8J9W2M5X7Y0Z1A2B3", "startedAt": "2026-11-24T10:58:00.125Z" }
"""

INFLUENCER = {
    "influencerId": "inf_01HX9Y6K7EJ4T2NOVA",
    "projectId": "8c0a54a8-6f0e-4d9b-9c1f-2b7f6f1f0a11",
    "name": "Nova",
    "gender": "female",
    "ageRange": "25-34",
    "status": "ready",
    "thumbnailUrl": None,
    "personality": {
        "traits": ["curious", "warm"],
        "tone": "upbeat",
        "humor": "goofy",
        "formality": "casual",
        "values": ["honesty"],
        "interests": ["climbing"],
        "speakingStyle": "short sentences",
        "catchphrases": ["let's go"],
    },
    "referenceImages": [
        {
            "assetId": "med_01HX9Y6K7EJ4T2REF01",
            "url": "https://cdn.example.com/a.png",
            "thumbnailUrl": "https://cdn.example.com/a.webp",
            "addedAt": "2026-01-02T03:04:05.678Z",
        }
    ],
    "hairColor": "auburn",
    "createdAt": "2026-01-02T03:04:05.678Z",
    "updatedAt": "2026-01-02T03:04:05.678Z",
}


def job(**changes: object) -> CloneJob:
    return CloneJob.parse(
        {
            "jobId": "job_01JDG3T4Q8J9W2M5X7Y0Z1A2B3",
            "source": INFLUENCER,
            "influencerId": "inf_01HX9Y6K7EJ4T2NOVAB",
            "name": "Nova (B variant)",
            "references": [{"assetId": "med_01HX9Y6K7EJ4T2REF01"}],
            **changes,
        }
    )

"""Keys: the names of all objects that a job writes or reads. This needs no network and no boto3."""

import re
from string import Formatter

from models.errors import InvalidInput
from models.job import Job
from models.watermark import HiddenNumber
from worker.base.settings import Settings
from worker.storage.folders import JobFolders

_JOB_FIELDS = frozenset({"projectId", "influencerId", "jobId"})
_MEDIA_FIELDS = frozenset({"projectId", "assetId"})
_UNFIT = re.compile(r"[\x00-\x1f\x7f\\]")


class KeyLayout:
    """Builds keys from the settings' prefix and templates.

    Raises InvalidInput for a template with an unknown placeholder, or without the one that keeps two jobs'
    or two assets' objects apart, and for a path that could leave its folder. Ids and shots are safe by their types.
    """

    def __init__(self, settings: Settings) -> None:
        prefix = settings.s3_prefix.strip("/")
        if prefix:
            _check_path(prefix, "LIKENESS_S3_PREFIX")
        start = f"{_literal(prefix)}/" if prefix else ""
        self._job = start + _checked_template(
            settings.job_key_template, "LIKENESS_JOB_KEY_TEMPLATE", allowed=_JOB_FIELDS, needed="jobId"
        )
        self._media = start + _checked_template(
            settings.media_key_template,
            "LIKENESS_MEDIA_KEY_TEMPLATE",
            allowed=_MEDIA_FIELDS,
            needed="assetId",
        )
        self.prefix = f"{prefix}/" if prefix else ""
        """The start of every key: empty, or with a slash at its end."""

    def folders(self) -> JobFolders:
        """The look-up from a key to its job. Raises InvalidInput if the job's template is ambiguous."""
        return JobFolders(self._job, self._media)

    def job_prefix(self, job: Job) -> str:
        """The folder of the job's objects, without a slash at its end."""
        return self._job.format(projectId=job.project_id, influencerId=job.influencer_id, jobId=job.job_id)

    def image_key(self, job: Job, shot: str) -> str:
        return f"{self.job_prefix(job)}/{shot}.png"

    def thumbnail_key(self, job: Job, shot: str) -> str:
        return f"{self.job_prefix(job)}/thumbs/{shot}.webp"

    def evidence_prefix(self, job: Job) -> str:
        """The folder of rejected images, without a slash at its end."""
        return f"{self.job_prefix(job)}/evidence"

    def evidence_key(self, job: Job, shot: str) -> str:
        return f"{self.evidence_prefix(job)}/{shot}.png"

    def manifest_key(self, job: Job) -> str:
        return f"{self.job_prefix(job)}/manifest.json"

    @property
    def watermarks(self) -> str:
        """The folder of the index of watermarks, with a slash at its end."""
        return f"{self.prefix}watermarks/"

    def watermark_prefix(self, hidden: HiddenNumber) -> str:
        """The folder of the index's entries for a number, without a slash at its end."""
        return f"{self.watermarks}{hidden.algorithm}/{hidden.number}"

    def watermark_key(self, hidden: HiddenNumber, asset_id: str) -> str:
        """The index's entry for an image. It is in no job's folder."""
        return f"{self.watermark_prefix(hidden)}/{asset_id}.json"

    def media_key(self, project_id: str, asset_id: str) -> str:
        """Where the media library keeps the object of an asset id."""
        return self._media.format(projectId=project_id, assetId=asset_id)

    def media_thumbnail_key(self, project_id: str, asset_id: str) -> str:
        return f"{self.media_key(project_id, asset_id)}.thumbnail.webp"

    def upload_key(self, asset_id: str) -> str:
        """Where a client uploads what becomes the asset after a check. Only that check reads it there."""
        return f"{self.prefix}uploads/{asset_id}.upload"


def is_plain_key(key: str) -> bool:
    """Whether a key names one object under every server and client.

    Not plain: an empty, `.` or `..` part, which a URL library or a store over a file system may resolve and
    so leave the bucket; a control character or backslash; more than the 1024 bytes that S3 allows.
    """
    parts = key.split("/")
    return (
        not any(part in ("", ".", "..") for part in parts)
        and not _UNFIT.search(key)
        and len(key.encode(errors="replace")) <= 1024
    )


def _checked_template(template: str, variable: str, *, allowed: frozenset[str], needed: str) -> str:
    choice = ", ".join(f"{{{name}}}" for name in sorted(allowed))
    try:
        fields = [
            (name, spec, conversion)
            for _, name, spec, conversion in Formatter().parse(template)
            if name is not None
        ]
    except ValueError as error:
        raise InvalidInput(f"{variable} is not a template: {error}.", variable=variable) from None
    for name, spec, conversion in fields:
        if name not in allowed or spec or conversion:
            raise InvalidInput(
                f"{variable} has the unknown placeholder {{{name}}}. Use {choice}, as they are.",
                variable=variable,
            )
    if needed not in {name for name, _, _ in fields}:
        raise InvalidInput(
            f"{variable} needs {{{needed}}}: without it objects would overwrite each other.",
            variable=variable,
        )
    _check_path(template.format(**dict.fromkeys(allowed, "x")), variable)
    return template


def _check_path(path: str, variable: str) -> None:
    if not is_plain_key(path):
        raise InvalidInput(
            f"{variable} must be a plain path: no slash at its ends, no empty, `.` or `..` part, "
            "no backslash or control character.",
            variable=variable,
        )


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")

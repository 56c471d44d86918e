"""Settings: one frozen object, read once from the environment (`LIKENESS_…`)."""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, SecretStr, model_validator

from models.likeness import EmbedderName, GateMode
from models.reference_origin import ReferencePolicy
from models.render import Attention
from models.safety import SafetyMode
from models.watermark import WatermarkMode, WatermarkName
from worker.base.environment import EnvironmentSettings

DEFAULT_TIER = "default"
"""The tier of all projects that are in no other."""

TierName = Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]


class Settings(EnvironmentSettings):
    """Settings except the API's own. Defaults work with local services. Times are in seconds, sizes in bytes."""

    # Queue and job store
    redis_url: SecretStr = SecretStr("redis://127.0.0.1:6379/0")
    """Redis (or Valkey) for the broker and the job store: `redis://`, `rediss://`, `unix://`, or through
    Sentinels `sentinel://HOST,HOST/MASTER`; docs/operating.md, "Redis", lists the options. Must run with
    `noeviction`."""
    queue: str = "likeness"
    """The Celery queue that producers send to and workers listen on."""
    project_limit: int | None = Field(None, ge=1)
    """How many jobs of one project may be on their way (sent and not final) at once, over all workers. The others
    are parked. Producers need it, too. Null: any number."""
    organisation_limit: int | None = Field(None, ge=1)
    """The same limit for one organisation, over all its projects. It counts jobs that name an organisation, as
    the API's do. Producers need it, too. Null: any number."""
    tiers: dict[TierName, tuple[str, ...]] = Field({})
    """Project ids by tier, as a JSON object. Each tier has its own queues. Producers need it, too."""
    serves: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """The tiers whose jobs a worker takes, as a JSON list; `default` is the tier of all other projects. Null: all,
    in the order of `tiers`, with `default` last."""
    tier_order: Literal["in-turn", "strict"] = "in-turn"
    """How a worker chooses among the tiers that have new jobs. `strict`: in the order of `serves`, so that a tier
    waits as long as an earlier one has any. In both, begun jobs come first."""
    redis_prefix: str = "likeness"
    """First part of every key of the job store."""
    record_ttl: float = Field(7 * 86400, gt=0)
    """How long a final job's record and events are kept."""
    event_limit: int = Field(2000, ge=100)
    """How many of a job's latest events are kept."""
    lease_ttl: float = Field(6, ge=1)
    """A holder that doesn't renew its lease for this long loses the job. It renews three times as often."""
    reap_interval: float = Field(1, gt=0)
    """How often each worker looks for jobs whose holder died or whose message was never sent."""
    resend_after: float = Field(5, gt=0)
    """How long a job may wait for its message to be confirmed as sent before it is sent again."""
    max_attempts: int = Field(5, ge=1)
    """Attempts that may end early (crash, outage) before the job fails."""
    retry_backoff: float = Field(2, ge=0)
    """The wait before the second retry, doubled with each further one. The first retry is immediate."""
    retry_backoff_max: float = Field(60, ge=0)
    """The longest such wait."""
    outage_patience: float = Field(3600, ge=0)
    """How long after a job was begun an attempt doesn't count if it can't reach the object store before it renders.
    The job waits for the store."""
    visibility_timeout: float = Field(6 * 3600, gt=0)
    """After how long the broker itself redelivers: longer than any job takes, since leases do the real work."""

    # Object store
    s3_endpoint_url: str | None = None
    """Null means AWS."""
    s3_region: str | None = None
    """The bucket's region, which requests and URLs are signed for. Null: AWS_REGION, else the region of boto3's own
    chain, else us-east-1."""
    s3_access_key_id: SecretStr | None = None
    """Null means boto3's own chain: environment, profile, instance role."""
    s3_secret_access_key: SecretStr | None = None
    s3_bucket: str = "likeness"
    """Must exist."""
    s3_addressing_style: Literal["auto", "path", "virtual"] = "auto"
    s3_attempts: int = Field(5, ge=1)
    """Tries of one call to the store, with backoff between them."""
    s3_sse: Literal["AES256", "aws:kms"] | None = None
    """The encryption at rest to request for each object. Null: whatever the bucket does by itself."""
    s3_sse_kms_key_id: str | None = None
    """For `aws:kms`, the key's id or ARN. Null: the account's own key for S3."""
    s3_prefix: str = ""
    """Put before every key, e.g. `prod`."""
    store_timeout: float = Field(180, gt=0)
    """The limit for a whole call to the store, however slow its data. All tries with a silent store take less."""
    job_key_template: str = "{projectId}/influencers/{influencerId}/references/{jobId}"
    """Where a job's images, thumbnails and manifest go."""
    media_key_template: str = "{projectId}/media/{assetId}"
    """Where the media library keeps the object of an asset id."""
    public_base_url: str | None = Field(None, pattern=r"^https?://[^/\s]")
    """If set, an image's URL is this plus its key. Null: URLs are presigned."""
    presign_ttl: float = Field(7 * 86400, gt=0, le=7 * 86400)
    """How long presigned URLs work; SigV4 allows seven days."""
    cache_control: str = "public, max-age=31536000, immutable"
    thumbnail_size: int = Field(256, ge=16)
    """Longest side of a thumbnail, in pixels."""

    # References
    reference_max_bytes: int = Field(32 * 1024 * 1024, gt=0)
    reference_max_pixels: int = Field(64_000_000, gt=0)
    """Larger references are refused by their header, before anything is decoded. The limit is lower where decoding
    would take more than 380 MiB of memory: some 16 million for a WebP or AVIF, 45 million for a progressive JPEG
    that isn't subsampled."""
    reference_min_side: int = Field(64, ge=1)
    """In pixels."""
    reference_max_side: int = Field(1536, ge=64)
    """Larger references are scaled down to this longest side, in pixels."""
    references: ReferencePolicy = "any"
    """The references that jobs may have. `stated`: those of jobs that state whose face they show
    (`referenceOrigin`); the API refuses other jobs, too, if it has this setting. `marked`: those whose own intact,
    signed mark says that a trained model made them, by a signer of `trust_anchors` if that is set."""
    fetch_timeout: float = Field(30, gt=0)
    """The limit for a whole download of a reference: connect, redirects, body. Decoding may take as long again."""
    allow_http_to: str | None = None
    """Each `host:port`, separated by spaces, that may be reached over plain http and at a private address: the
    embedded store's, or that of a receiver of webhooks on this machine."""

    # Webhooks
    webhook_url: SecretStr | None = None
    """The receiver of a webhook for every job's end, in addition to the job's own `callbackUrl`. `likeness webhooks
    deliver` reads it, and stores it in Redis for the other processes."""
    webhook_secrets: SecretStr = SecretStr("")
    """Signing secrets (`whsec_` and base64 of 24 to 64 bytes), separated by spaces. Each signs every webhook, so a
    new one can be listed before an old one is removed. Only `likeness webhooks deliver` reads them."""
    webhook_master_keys: SecretStr = SecretStr("")
    """Keys of 32 characters or more, separated by spaces. Organisations' own secrets are derived from them, new
    ones from the first. API processes and deliverers need the same. Empty: no organisation has its own."""
    webhook_schedule: tuple[NonNegativeFloat, ...] = (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
    """The waits between tries, as a JSON list; up to a fifth is added at random. The first try is immediate."""
    webhook_timeout: float = Field(20, gt=0)
    """The limit for one whole try: connect, send, and the head of the answer."""
    webhook_concurrency: int = Field(32, ge=1)
    """How many tries one process makes at once. A receiver (a registrable domain, or an address) gets four at once
    in all, and only one if it hangs. A quarter is reserved for receivers that answered last time."""

    # The mark
    signing: Literal["required", "off"] = "required"
    """`required`: a worker that can't sign doesn't start. `off`: images leave with XMP alone."""
    sign_certificate: Path | None = None
    """PEM file: the signer's certificate, then those that lead to its root. Its key determines the algorithm."""
    sign_key: Path | None = None
    """PEM file with the certificate's private key."""
    sign_key_password: SecretStr | None = None
    """The password of an encrypted key file."""
    sign_callback: str | None = None
    """A `module:function` in place of a key file. It takes the bytes to sign and returns their signature, for ECDSA
    as DER or as r and s. It is called from several threads at once."""
    timestamp_url: SecretStr | None = None
    """An RFC 3161 timestamp authority, asked for each image and thumbnail. Null: no timestamps."""
    sign_timeout: float = Field(60, gt=0)
    """The limit for one whole signature: the callback's answer, and the timestamp authority's."""
    trust_anchors: Path | None = None
    """PEM file of the roots that `likeness inspect`, the API and `references=marked` trust, such as C2PA's list."""

    # The watermark
    watermark: WatermarkMode | None = None
    """`required`: a worker that can't hide a number in its images' pixels doesn't start. `off`: images have none.
    Null: required, unless numpy isn't installed."""
    watermark_algorithm: WatermarkName = "auto"
    """The watermark that images get. `spread` is our own, `trustmark` needs `likeness models fetch watermark`.
    `auto`: TrustMark if that was done, else our own. All that can be read here are looked for."""
    watermark_timeout: float = Field(60, gt=0)
    """A watermark process that doesn't answer within this time is killed and replaced."""

    # The likeness gate
    gate: GateMode = "required"
    """`required`: an image that doesn't match its references is rendered again, and a set that still doesn't match
    fails. `report`: images are judged, and all are accepted. `off`: no image is judged."""
    max_attempts_per_shot: int = Field(3, ge=1)
    """Tries of one shot, each with a seed of its own, before the job fails with LIKENESS_NOT_REACHED."""
    judge_timeout: float = Field(120, gt=0)
    """A verify process that doesn't answer within this time is killed and replaced."""
    embedder: EmbedderName = EmbedderName.DLIB
    """The model that finds and describes faces. All but dlib need your own model files, and a calibration."""
    face_models_dir: Path | None = None
    """The folder of your own ONNX models. Null: `faces` in the weights' folder."""
    calibration: Path | None = None
    """The file that `likeness calibrate` wrote. Null: the one that ships for the embedder."""

    # The safety gate
    safety: SafetyMode | None = None
    """`required`: every image is looked at before anything of it is stored, and an explicit one never is. `off`:
    nobody looks. Null: required if the profile reads text, as all do but `embedded`."""
    safety_models_dir: Path | None = None
    """The folder of your own ONNX models, with `nudity.json` and perhaps `age.json`. Null: what `likeness models
    fetch safety` brought."""
    safety_classifier: str | None = None
    """A `module:function` in place of models. It takes an RGB image of Pillow and returns what was read of it; the
    verify process calls it."""

    # Rendering
    profile: str = "auto"
    """The pipeline profile that this worker renders with. `auto`: `flux2-klein` on a GPU, else `embedded`."""
    device: str = "auto"
    """`auto`, `cpu`, `cuda` or `cuda:N`."""
    weights_dir: Path = Path("weights")
    """The folder that `likeness models fetch` fills and that profiles load from."""
    image_size: int | None = Field(None, ge=64, multiple_of=32)
    """Side of the images, in pixels. Null: the profile's."""
    steps: int | None = Field(None, ge=1)
    """Denoising steps of an image. Null: the profile's."""
    reference_size: int | None = Field(None, ge=64)
    """References enter a model with at most the area of a square of this side, in pixels. Null: the profile's."""
    max_batch: int | None = Field(None, ge=1)
    """How many images of a job are denoised at once if memory allows. Null, or more than the profile's: that."""
    compile: bool = False
    """Speed option: compile the denoiser. The first start takes minutes longer."""
    attention: Attention | None = None
    """Speed option: the attention backend, by diffusers' name. Null: `_native_cudnn` on compute capability 9.0 and
    10.0, where it is about twice as fast, else diffusers' choice."""
    quantize: Literal["fp8"] | None = None
    """Keep the denoiser's weights in 8 bits, for half of their memory. Rendering takes about a tenth longer."""
    step_cache: Literal["first-block"] | None = None
    """Speed option: skip steps that change little. For profiles of 40 steps."""
    channels_last: bool = False
    """Speed option: the memory format that suits convolutions."""
    previews: Literal["on", "off"] = "on"
    """Whether small pictures of images that are being rendered are kept in Redis, for five minutes at most."""
    load_timeout: float = Field(900, gt=0)
    """How long the verify process may take to load its models, and the render process its profile; that has a
    second more for each 60 MB of weights. A process that exceeds this or one of the two limits below is killed and
    replaced."""
    step_timeout: float = Field(300, gt=0)
    """How long the render process may be silent before and between denoising steps. Reading the references and
    the prompt is part of the first step."""
    decode_timeout: float = Field(120, gt=0)
    """How long the render process may be silent once all steps are done, until the next image comes."""
    call_off_timeout: float = Field(10, gt=0)
    """A render process that doesn't stop within this time after a cancel or a drain is killed and replaced."""
    drain_grace: float = Field(20, ge=0)
    """After SIGTERM, how long jobs may go on before they are handed back. Keep it below the orchestrator's
    kill grace (30 s on Kubernetes)."""

    # Probes and metrics
    http_port: int | None = Field(None, ge=0, le=65535)
    """The port of `/live`, `/ready` and `/metrics`. Null: they aren't served. 0: any free port, which is logged."""
    http_host: str = "127.0.0.1"
    """The address to serve at: `0.0.0.0` or `::` if probes come from elsewhere. Anyone who gets there can read."""

    # Logs
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] | None = None
    """`console` is for reading along. Null: `console` if standard error is a terminal, else `json`."""

    @model_validator(mode="after")
    def _records_outlive_messages(self) -> Self:
        if self.record_ttl <= self.visibility_timeout:
            raise ValueError("record_ttl must exceed visibility_timeout, or a late message begins a job anew")
        return self

    @model_validator(mode="after")
    def _key_is_for_kms(self) -> Self:
        if self.s3_sse_kms_key_id and self.s3_sse != "aws:kms":
            raise ValueError("s3_sse_kms_key_id: a key needs LIKENESS_S3_SSE=aws:kms")
        return self

    @model_validator(mode="after")
    def _tiers_are_told_apart(self) -> Self:
        # `again` is the suffix of the queues of begun jobs.
        if taken := {"again", DEFAULT_TIER} & self.tiers.keys():
            raise ValueError(f"tiers: no tier can be called {' or '.join(sorted(taken))}")
        projects = [project for members in self.tiers.values() for project in members]
        if twice := sorted({project for project in projects if projects.count(project) > 1}):
            raise ValueError(f"tiers: {', '.join(twice)} can be in one tier only")
        if unknown := sorted(set(self.serves or ()) - {*self.tiers, DEFAULT_TIER}):
            raise ValueError(f"serves: {', '.join(unknown)} is neither in tiers nor {DEFAULT_TIER}")
        return self


@cache
def settings() -> Settings:
    """The process's settings, read at the first call. Raises InvalidSettings."""
    return Settings.load()

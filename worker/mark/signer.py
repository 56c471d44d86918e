"""Signs images. This is the last change to their bytes."""

from io import BytesIO

from c2pa import Builder, C2paBuilderIntent, C2paDigitalSourceType, C2paError, C2paSignerInfo
from c2pa import Signer as SdkSigner

from models.errors import SignerUnfit, SigningFailed
from models.source_type import SourceType
from worker.base.settings import Settings
from worker.mark.credentials import Credentials, SignCallback, load_credentials
from worker.mark.sdk import context
from worker.mark.statement import Statement

_SOURCE_TYPES = {
    SourceType.GENERATED: C2paDigitalSourceType.TRAINED_ALGORITHMIC_MEDIA,
    SourceType.COMPOSITE: C2paDigitalSourceType.COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA,
    SourceType.ALGORITHMIC: C2paDigitalSourceType.ALGORITHMIC_MEDIA,
}
"""The SDK's names of the source types."""


class ImageSigner:
    """Puts C2PA manifests into images. Threads may share it: each signing has its own SDK objects."""

    def __init__(self, credentials: Credentials, timestamp_url: str | None = None) -> None:
        self.credentials = credentials
        self._timestamp_url = timestamp_url

    @classmethod
    def from_settings(cls, settings: Settings) -> "ImageSigner | None":
        """Creates a signer from the settings; None if signing is off. Raises SignerUnfit."""
        credentials = load_credentials(settings)
        if credentials is None:
            return None
        url = settings.timestamp_url
        return cls(credentials, url.get_secret_value() if url else None)

    def sign(self, data: bytes, media_type: str, statement: Statement) -> bytes:
        """Returns the image with the signed statement in it.

        Raises SigningFailed, without the SDK's own text: that may contain a URL with its token.
        """
        callback = _Guarded(self.credentials.callback) if self.credentials.callback else None
        signed = BytesIO()
        try:
            with Builder(statement.definition, context=context()) as builder, self._open(callback) as signer:
                builder.set_intent(C2paBuilderIntent.CREATE, _SOURCE_TYPES[statement.source_type])
                for archive in statement.archives:
                    builder.add_ingredient_from_archive(BytesIO(archive))
                builder.sign(signer, media_type, BytesIO(data), signed)
        except C2paError as error:
            raise SigningFailed(
                "An image could not be signed. " + self._cause(callback, error),
                reason=(callback and callback.failure) or type(error).__name__.strip("_"),
            ) from None
        return signed.getvalue()

    def check(self) -> None:
        """Signs a trial image in the same way as all others. Raises SignerUnfit if that can't work, or
        SigningFailed if a service that it needs fails."""
        from PIL import Image

        trial = BytesIO()
        Image.new("RGB", (16, 16)).save(trial, "PNG")
        try:
            self.sign(
                trial.getvalue(), "image/png", Statement({"claim_generator_info": [{"name": "likeness"}]})
            )
        except SigningFailed as error:
            if self.credentials.callback or self._timestamp_url:
                raise
            raise SignerUnfit(
                "The C2PA SDK refuses to sign with this certificate. It must be one for signing documents, with "
                "the key usage digitalSignature and an extended key usage such as emailProtection or C2PA's own.",
                **error.details,
            ) from None

    def _open(self, callback: "_Guarded | None") -> SdkSigner:
        credentials = self.credentials
        if callback:
            return SdkSigner.from_callback(
                callback, credentials.algorithm, credentials.chain, self._timestamp_url
            )
        return SdkSigner.from_info(
            C2paSignerInfo(
                credentials.algorithm, credentials.chain.encode(), credentials.key, self._timestamp_url
            )
        )

    def _cause(self, callback: "_Guarded | None", error: C2paError) -> str:
        if callback and callback.failure:
            return f"The function of LIKENESS_SIGN_CALLBACK raised {callback.failure}."
        services = ["the service behind LIKENESS_SIGN_CALLBACK"] if callback else []
        services += ["the timestamp authority of LIKENESS_TIMESTAMP_URL"] if self._timestamp_url else []
        advice = f"Look at {' and '.join(services)}." if services else "Has the certificate run out?"
        return f"The SDK's reason is of the kind {type(error).__name__.strip('_')}. {advice}"


class _Guarded:
    """Wraps a callback and keeps its error: the SDK would log the error's text, which may hold a PIN."""

    def __init__(self, callback: SignCallback) -> None:
        self._callback = callback
        self.failure: str | None = None

    def __call__(self, data: bytes) -> bytes:
        try:
            return self._callback(data)
        except Exception as error:  # noqa: BLE001 - whatever a key service's client raises
            self.failure = type(error).__name__
            return b""  # which the SDK takes for a failure

"""The embedded stack: runs the real services that a worker needs, without installing them."""

from base64 import b64encode
from pathlib import Path
from secrets import token_bytes, token_hex
from typing import Any, Self

from worker.base.settings import Settings
from worker.stack.lock import FolderLock
from worker.stack.redis_server import RedisServer
from worker.stack.s3_server import S3Server


class EmbeddedStack:
    """A Redis and an S3 server that belong to this process and end with it, on free loopback ports.

    with EmbeddedStack(Path("data")) as stack:
        worker = subprocess.Popen(["likeness", "worker"], env=os.environ | stack.environment)

    `data_dir` is created if need be, and locked against other stacks. Objects in it survive a restart; Redis's data
    does so only with `persist`. Keys, secrets and ports are new for each stack, and so is the certificate that its
    workers sign with, which nobody trusts; the master key of webhook secrets is kept in the folder.
    """

    def __init__(self, data_dir: Path, *, persist: bool = False) -> None:
        self._lock = FolderLock(data_dir)
        self.redis = RedisServer(data_dir / "redis", persist=persist)
        self.s3 = S3Server(data_dir / "s3")
        self._webhook_secret = f"whsec_{b64encode(token_bytes(32)).decode()}"
        self._master_key = data_dir / "webhook-master-key"
        self._signing = data_dir.resolve() / "signing"
        self._signer: dict[str, str] = {}

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point a process's settings here, with the secret key. Available once started."""
        return {
            "LIKENESS_REDIS_URL": self.redis.url,
            "LIKENESS_WEBHOOK_SECRETS": self._webhook_secret,
            "LIKENESS_WEBHOOK_MASTER_KEYS": self._master_key.read_text(),
            "LIKENESS_S3_ENDPOINT_URL": self.s3.endpoint_url,
            "LIKENESS_S3_ACCESS_KEY_ID": self.s3.access_key_id,
            "LIKENESS_S3_SECRET_ACCESS_KEY": self.s3.secret_access_key,
            "LIKENESS_S3_BUCKET": self.s3.bucket,
            "LIKENESS_S3_ADDRESSING_STYLE": "path",
            "LIKENESS_ALLOW_HTTP_TO": self.s3.address,
            **self._signer,
        }

    def settings(self, **overrides: Any) -> Settings:
        """This process's settings, with those of the stack and then `overrides` put in. Available once started."""
        values: dict[str, Any] = {
            name.removeprefix("LIKENESS_").lower(): value for name, value in self.environment.items()
        }
        return Settings(**values | overrides)

    def start(self) -> None:
        """Starts both servers and waits until they answer. Raises StackError, including StackInUse; then neither is
        left running."""
        from worker.mark.development import make_development_certificate

        self._lock.acquire()
        self.redis.descriptors = self.s3.descriptors = self._lock.descriptors
        try:
            certificate, key = make_development_certificate(self._signing)
            self._signer = {"LIKENESS_SIGN_CERTIFICATE": str(certificate), "LIKENESS_SIGN_KEY": str(key)}
            _make_key(self._master_key)
            self.redis.start()
            self.s3.start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stops both servers. Does nothing to one that isn't running."""
        try:
            self.s3.stop()
        finally:
            try:
                self.redis.stop()
            finally:
                self._lock.release()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _make_key(file: Path) -> None:
    """Writes a new key, for this user's eyes alone, unless the file is there."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(token_hex(32))

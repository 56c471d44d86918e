"""A server of LitServe: python -m bench.peers.handlers.lit PORT"""

import sys
from typing import Any

import litserve
from fastapi import Request

from bench.peers.handlers.work import Model


class Api(litserve.LitAPI):  # type: ignore[misc,unused-ignore]
    def setup(self, device: str) -> None:
        self.model = Model()

    def decode_request(self, request: Request) -> Any:
        # LitServe reads the type, and hands over the JSON.
        return request

    def predict(self, x: Any) -> list[str]:
        return self.model.run(x["job"], x["references"])

    def encode_response(self, output: Any) -> dict[str, Any]:
        return {"stored": output}


if __name__ == "__main__":
    server = litserve.LitServer(Api(), accelerator="cpu", workers_per_device=1, timeout=False)
    server.run(port=int(sys.argv[1]), generate_client_file=False, log_level="error")

"""A handler of runpod's SDK: python -m bench.peers.handlers.pod"""

from typing import Any

import runpod

from bench.peers.handlers.work import Model

if __name__ == "__main__":
    model = Model()

    def handler(job: Any) -> dict[str, list[str]]:
        return {"stored": model.run(job["input"]["job"], job["input"]["references"])}

    runpod.serverless.start({"handler": handler})

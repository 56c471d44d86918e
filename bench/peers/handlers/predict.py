"""A predictor of cog."""

import json

from cog import BasePredictor, Input

from bench.peers.handlers.work import Model


class Predictor(BasePredictor):  # type: ignore[misc,unused-ignore]
    def setup(self) -> None:
        self.model = Model()

    def predict(
        self,
        job: str = Input(description="The job's id."),
        references: str = Input(description="Keys, as JSON."),
    ) -> str:
        return json.dumps(self.model.run(job, json.loads(references)))

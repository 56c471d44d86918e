"""What the safety gate costs where the device is the bottleneck: the same jobs with it and without, in turns.

python -m bench.safety_cost --jobs 16 --seconds 1 --rounds 3

Its model is a vision transformer with the shape of the one that is fetched, and random weights: it costs as much,
and takes every image. A machine that is too busy to judge as fast as the device renders gives a ratio that is no
property of the gate. LIKENESS_GATE is that of both sides.
"""

import json
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.sides import compare


def write_transformer(folder: Path) -> None:
    """A folder for LIKENESS_SAFETY_MODELS_DIR: 86 million random weights, and thresholds that nothing reaches."""
    import torch
    from transformers import ViTConfig, ViTForImageClassification

    class Logits(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = ViTForImageClassification(ViTConfig(num_labels=2)).eval()

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.model(pixel_values=pixels).logits
            return logits

    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Logits(), (torch.rand(1, 3, 224, 224),), str(folder / "vit.onnx"), dynamo=False, opset_version=14
        )
    config = {
        "model": "vit.onnx",
        "size": 224,
        "mean": [0.5, 0.5, 0.5],
        "std": [0.5, 0.5, 0.5],
        "labels": ["normal", "nsfw"],
        "thresholds": {"explicit": {"labels": ["nsfw"], "atLeast": 1}},
    }
    (folder / "nudity.json").write_text(json.dumps(config))


if __name__ == "__main__":
    with TemporaryDirectory(prefix="likeness-bench-") as models:
        write_transformer(Path(models))
        sides = {
            "required": {"LIKENESS_SAFETY": "required", "LIKENESS_SAFETY_MODELS_DIR": models},
            "off": {"LIKENESS_SAFETY": "off"},
        }
        compare("bench.safety_cost", "required", "off", sides, None)

"""Pictures to mark."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from pipelines.watermark.planes import Pixels
from worker.stack.samples import load_sample

NUMBER = 0x0BADC0FFEE0DDF00


@pytest.fixture(scope="session")
def portrait() -> Pixels:
    return np.asarray(Image.open(BytesIO(load_sample("maya")[1][0])).convert("RGB"))

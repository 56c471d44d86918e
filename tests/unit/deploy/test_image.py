"""What Dockerfile.gpu says, as far as that can be told without building it. `make image-test` builds it."""

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[3]
DOCKERFILE = (ROOT / "Dockerfile.gpu").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_an_image_installs_the_wheel_that_it_built() -> None:
    built = f"{PROJECT['name'].replace('-', '_')}-{PROJECT['version']}-py3-none-any.whl"
    patterns = re.findall(r"echo /tmp/wheels/(\S+)\)", DOCKERFILE)
    assert patterns
    assert all(fnmatch(built, pattern) for pattern in patterns)


def test_the_extras_that_it_installs_exist() -> None:
    installed = re.findall(r"\[([\w,-]+)\$\{EXTRAS\}\]", DOCKERFILE)
    assert [set(extras.split(",")) <= set(PROJECT["optional-dependencies"]) for extras in installed] == [
        True,
        True,
    ]

"""The client's README: its example of a user's own test, and its table of errors."""

import re
from pathlib import Path

from likeness_client import errors

README = (Path(__file__).parents[3] / "client" / "README.md").read_text()


def test_the_example_of_a_test_runs() -> None:
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "FakeApi" in block]
    exec(compile(code, "README.md", "exec"), {})


def test_all_examples_are_python() -> None:
    for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        # Some belong into a coroutine, or return from a handler.
        inside = "".join(f"    {line}\n" for line in block.splitlines())
        compile(f"async def example():\n{inside}", "README.md", "exec")


def test_the_table_has_every_error() -> None:
    named = set(re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE))
    kinds = {
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.LikenessError)
    }
    assert named == kinds - {"LikenessError"}

"""For producers' own tests: real services, with a worker that draws placeholders and ends jobs as they ask for."""

from worker.testing.fake_stack import FakeStack

__all__ = ["FakeStack"]

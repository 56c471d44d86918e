"""The safety gate of one job: looks at image after image before anything of it is stored."""

from collections.abc import Callable, Sequence

from models.errors import ContentRefused
from models.safety import RefusedImage, SafetyInfo, SafetyReading, SafetyRule, SetSafety, rule_of
from worker.base.raw_image import RawImage
from worker.base.settings import Settings
from worker.verify import VerifyProcess


class JobScreen:
    """The safety gate of one job. While it waits, it calls `raise_if_unwanted`, which may raise.

    Methods raise VerifyError, and SafetyModelMissing if the classifier can't be loaded.
    """

    def __init__(
        self,
        settings: Settings,
        process: VerifyProcess,
        info: SafetyInfo,
        raise_if_unwanted: Callable[[], None],
    ) -> None:
        self._process = process
        self._info = info
        self._raise_if_unwanted = raise_if_unwanted
        self.tries = settings.max_attempts_per_shot
        """How often a shot is rendered, at most."""

    def look(self, image: RawImage) -> tuple[SafetyReading, SafetyRule | None]:
        """Looks at an image. Returns what was read, and the rule by which it is refused."""
        reading = self._process.screen(image, self._raise_if_unwanted)
        return reading, rule_of(reading)

    def summary(self, refused: Sequence[RefusedImage]) -> SetSafety:
        """The set's safety, for the manifest and the result."""
        return SetSafety(**dict(self._info), refused=tuple(refused))


def content_refused(refused: Sequence[RefusedImage], shots: int) -> ContentRefused:
    """The error of a job of so many `shots`, of which these were refused, for good. There is at least one."""
    minors = [one for one in refused if one.rule is SafetyRule.APPARENT_MINOR]
    first = (minors or refused)[0]
    if minors:
        why = f"the shot {first.shot} looks like a minor, in an image that is suggestive or explicit"
    else:
        why = f"{len(refused)} of {shots} shots were explicit in every try: {', '.join(o.shot for o in refused)}"
    return ContentRefused(
        f"The safety gate refused what was rendered: {why}. Nothing of the job is stored. Change what it asks for.",
        rule=first.rule.value,
        shot=first.shot,
        score=first.score,
        refused=[one.to_data() for one in refused],
    )

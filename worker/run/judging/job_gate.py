"""The likeness gate of one job: measures its references once, then judges image after image."""

from collections.abc import Callable

from models.base import AssetId
from models.errors import NoUsableReference, ReferenceShowsAnother
from models.job import Job
from models.likeness import CheckedReference, Judgement, MissedImage, ReferenceFault, SetLikeness
from models.record import RejectedReference
from models.shot import shot_named
from worker.base.raw_image import RawImage
from worker.base.settings import Settings
from worker.references.fetch import FetchedReferences
from worker.verify import JudgeImage, ReferencesChecked, VerifyProcess
from worker.verify.messages import Measured


class JobGate:
    """The gate of one job. It remembers the images it took, to compare others of the set with. One thread calls it.

    While it waits, it calls `raise_if_unwanted`, which may raise. Methods raise VerifyError, and FaceModelMissing
    or CalibrationRefused if the gate can't be loaded.
    """

    def __init__(
        self, job: Job, settings: Settings, process: VerifyProcess, raise_if_unwanted: Callable[[], None]
    ) -> None:
        assert settings.gate != "off"
        self._job = job
        self._mode = settings.gate
        self._process = process
        self._raise_if_unwanted = raise_if_unwanted
        self._references: Measured = b""
        self._checked: tuple[CheckedReference, ...] = ()
        self._taken: dict[str, Measured] = {}
        self.tries = settings.max_attempts_per_shot if self._is_strict else 1
        """How often a shot is rendered, at most."""

    @property
    def _is_strict(self) -> bool:
        return self._mode == "required"

    def check_references(
        self, references: FetchedReferences
    ) -> tuple[FetchedReferences, tuple[RejectedReference, ...]]:
        """Measures the references. Returns those to use, with their faces, and those it keeps out.

        Raises NoUsableReference if none has a face and the job's subject is a person.
        """
        found = self._measure(references.images)
        self._references = found.measured
        # The gate numbers the references that could be read; the record uses their numbers in the job's list.
        self._checked = tuple(
            one.model_copy(update={"index": reference.index})
            for one, reference in zip(found.checked, references.used, strict=True)
        )
        others = tuple(
            _rejection(one, fetched.reference.asset_id)
            for one, fetched in zip(self._checked, references.used, strict=True)
            if self._is_strict and ReferenceFault.ANOTHER_PERSON in one.faults
        )
        return references.with_faces([one.face for one in found.checked]).without(others), others

    def expect_anchor(self) -> None:
        """Begins without references: the next image becomes the first one, if it shows one face."""
        self._references = self._process.check_references((), "any", self._raise_if_unwanted).measured

    def _measure(self, images: tuple[RawImage, ...]) -> ReferencesChecked:
        try:
            return self._process.check_references(images, self._job.subject, self._raise_if_unwanted)
        except NoUsableReference:
            if self._is_strict:
                raise
            return self._process.check_references(images, "any", self._raise_if_unwanted)

    def judge(self, shot: str, image: RawImage) -> tuple[Judgement, bool]:
        """Judges an image. Returns the judgement, and whether the image is taken."""
        answer = self._process.judge(
            JudgeImage(
                image=image,
                references=self._references,
                # A turned head doesn't excuse an anchor that shows no face.
                yaw=shot_named(shot).yaw if self._checked else 0,
                others={other: taken for other, taken in self._taken.items() if other != shot},
                changed=self._job.changes_face,
            ),
            self._raise_if_unwanted,
        )
        taken = not self._is_strict or answer.judgement.verdict.outcome == "pass"
        if taken:
            self._taken[shot] = answer.portrait
        return answer.judgement, taken

    def summary(self, missed: tuple[MissedImage, ...]) -> SetLikeness:
        """The set's likeness, for the manifest and the result."""
        return SetLikeness(
            gate="required" if self._is_strict else "report",
            subject=self._job.subject,
            references=self._checked,
            missed=missed,
        )


def _rejection(checked: CheckedReference, asset_id: AssetId) -> RejectedReference:
    return RejectedReference(
        index=checked.index,
        asset_id=asset_id,
        code=ReferenceShowsAnother.code,
        message=(
            f"It shows another person than the other references do (similarity {checked.similarity}). Leave it "
            "out, or give more pictures of the person that is meant."
        ),
    )

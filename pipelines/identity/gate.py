"""The gate: measures a job's references once, then judges its images one by one."""

from collections.abc import Mapping, Sequence

from PIL import Image

from models.calibration import Calibration
from models.domain import Domain
from models.likeness import Judgement, Subject
from pipelines.identity.calibrations import refuse_foreign
from pipelines.identity.faces import FaceEmbedder
from pipelines.identity.portrait import Portrait, take_portrait
from pipelines.identity.references import ReferenceSet, check_references
from pipelines.identity.scores import is_whole, score
from pipelines.identity.verdict import verdict_of
from pipelines.remembered import Remembered, pixels_hash

# A portrait takes some 20 kB.
_MOST_REFERENCES = 256


class LikenessGate:
    """An embedder with its calibration. It holds no job's state, but the measurements of references, which jobs
    share. One instance serves one thread."""

    def __init__(self, embedder: FaceEmbedder, calibration: Calibration, domain: Domain) -> None:
        """`domain` is that of the images. Raises CalibrationRefused if the calibration is of another embedder."""
        refuse_foreign(calibration, embedder.embedder)
        self.calibration = calibration
        self._domain = domain
        self.faces = embedder
        self._digest = calibration.digest
        self._references = Remembered[Portrait](_MOST_REFERENCES)

    def check_references(
        self, references: Sequence[Image.Image], subject: Subject = "person"
    ) -> ReferenceSet:
        """Measures a job's references. Raises NoUsableReference if `subject` is "person" and none has a face."""
        return check_references(references, subject, self._reference, self.calibration)

    def _reference(self, image: Image.Image) -> Portrait:
        return self._references.get(pixels_hash(image), lambda: self.portrait(image))

    def portrait(self, image: Image.Image) -> Portrait:
        """Measures one image. Nearly all of the gate's time goes here."""
        return take_portrait(image, self.faces)

    def judge(
        self,
        portrait: Portrait,
        references: ReferenceSet,
        *,
        yaw: float = 0,
        others: Mapping[str, Portrait] | None = None,
        changed: bool = False,
    ) -> Judgement:
        """Compares an image with the references and with the set's `others`, by their shots' names. Takes no time.

        `yaw` is the shot's, in degrees. `changed` says that an override changes the face on purpose.
        """
        scores = score(portrait, references, others or {}, self.faces.embedder.metric)
        count = len(references.vectors(whole=is_whole(portrait, references)))
        verdict = verdict_of(scores, self.calibration, yaw=yaw, references=max(1, count), changed=changed)
        if self.calibration.domain != self._domain:
            verdict = verdict.model_copy(update={"floor_of": self.calibration.domain})
        return Judgement(
            embedder=self.faces.embedder,
            calibration=self._digest,
            yaw=yaw,
            scores=scores,
            verdict=verdict,
        )

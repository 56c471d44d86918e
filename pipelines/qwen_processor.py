"""Qwen2-VL's processor for images alone: neither torchvision nor a video processor."""

from pathlib import Path
from typing import Any, Self

from transformers import PreTrainedTokenizerBase, Qwen2Tokenizer, Qwen2VLImageProcessorPil, Qwen2VLProcessor
from transformers.processing_utils import ProcessorMixin


class ImageOnlyQwen2VLProcessor(Qwen2VLProcessor):  # type: ignore[misc]
    """`Qwen2VLProcessor` without its video part, which nobody here needs and which requires torchvision.

    A processor's parts are the parameters of its `__init__`: transformers reads the signature. Without
    `video_processor` in it, none is looked for. This class is also used where torchvision is installed: resizing by
    Pillow and by torchvision differs, and a persona must not depend on that.
    """

    def __init__(
        self,
        image_processor: Qwen2VLImageProcessorPil | None = None,
        tokenizer: PreTrainedTokenizerBase | None = None,
        chat_template: str | None = None,
        **_: Any,
    ) -> None:
        assert tokenizer is not None
        for kind in ("image", "video"):
            token = getattr(tokenizer, f"{kind}_token", None) or f"<|{kind}_pad|>"
            setattr(self, f"{kind}_token", token)
            setattr(self, f"{kind}_token_id", tokenizer.convert_tokens_to_ids(token))
        # Skips Qwen2VLProcessor.__init__, which would pass a video processor on.
        ProcessorMixin.__init__(self, image_processor, tokenizer, chat_template=chat_template)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Loads it from a checkpoint's `processor` folder, whichever image processor class the folder names.

        Nothing is downloaded. Raises OSError or ValueError for a folder that isn't such a processor's.
        """
        image_processor = Qwen2VLImageProcessorPil.from_pretrained(folder, local_files_only=True)
        tokenizer = Qwen2Tokenizer.from_pretrained(folder, local_files_only=True)
        return cls(image_processor, tokenizer, chat_template=tokenizer.chat_template)

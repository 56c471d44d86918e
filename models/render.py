"""How a render process must render: the worker's settings, passed to its child process."""

from typing import Literal

from pydantic import Field, PositiveInt

from models.base import Document

Attention = Literal["native", "_native_cudnn", "_native_flash", "_native_efficient"]
"""diffusers' names of attention backends, those alone that torch brings. Others need compiled packages that PyPI
doesn't have, or download kernels at run time."""


class SpeedOptions(Document):
    """Options that make rendering faster or smaller. Each is off unless an operator tried it on their device."""

    compile: bool = Field(False, description="Compile the denoiser's blocks. The first start takes longer.")
    attention: Attention | None = Field(
        None, description="Null: cuDNN's on compute capability 9.0 and 10.0, else diffusers' own choice."
    )
    quantize: Literal["fp8"] | None = Field(
        None, description="Half the memory for the denoiser's weights; a tenth slower."
    )
    step_cache: Literal["first-block"] | None = Field(None, description="Skip steps that change little.")
    channels_last: bool = Field(False, description="The memory format that convolutions like.")


class RenderOptions(Document):
    """The profile, the device that it runs on, and overrides of the profile's own figures."""

    profile: str
    device: str = Field("auto", description="`auto`, `cpu`, `cuda` or `cuda:N`.")
    weights: str = Field("weights", description="The folder that `likeness models fetch` fills.")
    image_size: PositiveInt | None = Field(None, description="Side of the square images, in pixels.")
    steps: PositiveInt | None = Field(None, description="Denoising steps of one image.")
    reference_size: PositiveInt | None = Field(
        None, description="References enter with at most this squared pixels."
    )
    max_batch: PositiveInt | None = Field(
        None, description="Images of a job that are denoised at once, at most."
    )
    speed: SpeedOptions = SpeedOptions()
    previews: bool = Field(True, description="Send small pictures of images while they are denoised.")

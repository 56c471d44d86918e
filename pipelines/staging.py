"""Stages references for one shot: picks those that fit, then mirrors, aligns, warps, relights them.

Tensors are float32 RGB in [-1, 1], one image as (3, S, S) and several as (N, 3, S, S), on the CPU.
Coordinates follow `grid_sample`: -1 is the left or upper edge, 1 the right or lower.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - as all of torch's own examples have it
from PIL import Image
from torch import Tensor

from models.shot import Background, Framing, Light, Shot
from pipelines.references import squared

MOST_COMPANIONS = 4
"""References that are blended besides the leading one: more cost time and blur the face."""

COMPANION_PENALTY = 2.0
"""What companions start with less, as a log likelihood: pose and outline are the leader's business."""

_ZOOM: dict[Framing, float] = {"close-up": 1.32, "head-and-shoulders": 1.06, "half-body": 0.88}
_GAIN: dict[Light, tuple[float, float, float]] = {
    "soft": (1.0, 1.0, 1.0),
    "warm": (1.08, 1.0, 0.86),
    "cool": (0.88, 0.98, 1.12),
    "side": (1.0, 1.0, 1.0),
    "backlit": (1.02, 0.98, 0.94),
}
# The colours at the top and at the bottom of what is behind the persona, in [0, 1].
_BACKDROP: dict[Background, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "studio": ((0.60, 0.63, 0.67), (0.42, 0.45, 0.49)),
    "plain": ((0.91, 0.90, 0.88), (0.85, 0.83, 0.81)),
    "indoor": ((0.66, 0.53, 0.42), (0.43, 0.33, 0.26)),
    "outdoor": ((0.60, 0.77, 0.90), (0.50, 0.64, 0.42)),
}


def to_tensor(image: Image.Image, size: int) -> Tensor:
    """The image's central square as (3, size, size). The upper part wins, since that is where faces are."""
    square = squared(image.convert("RGB"), size)
    return torch.from_numpy(np.array(square)).permute(2, 0, 1).float().div_(127.5).sub_(1)


def to_image(x: Tensor) -> Image.Image:
    """The picture of a (3, S, S) tensor."""
    levels = x.add(1).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)
    return Image.fromarray(levels.permute(1, 2, 0).numpy())


def yaw_of(x: Tensor) -> float:
    """A rough guess at the head's yaw, in degrees (correlation 0.87 with the truth on rendered portraits).

    The horizontal edges of a face (lids, nostrils, lips) move aside with it while the shoulders stay. A
    guess of this kind may rank references; nothing should be measured with it.
    """
    x = F.interpolate(x[None], (128, 128), mode="area")[0]
    u, v = _coordinates(128)
    down = F.pad((x[:, 2:] - x[:, :-2]).norm(dim=0), (0, 0, 1, 1))
    across = F.pad((x[:, :, 2:] - x[:, :, :-2]).norm(dim=0), (1, 1))
    face = torch.exp(-2 * (u.square() + (v + 0.1).square())) * ((v > 0) & (v < 0.5))
    weight = (down - 0.7 * across).clamp_min(0) * face
    return 139 * float((weight * u).sum() / weight.sum().clamp_min(1e-6))


def stage(references: Sequence[Tensor], shot: Shot, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The references as this shot could show them.

    Returns candidates (N, 3, S, S), the leading one first, and their log prior (N,). Everything random
    comes from `generator`.
    """
    views = []
    for reference in references:
        yaw = yaw_of(reference)
        # Gumbel noise: the leader is drawn by how well it fits, instead of always being the best.
        luck = -torch.rand(2, generator=generator).clamp(1e-6, 1 - 1e-6).log().neg().log()
        for view, angle, drawn in ((reference, yaw, luck[0]), (reference.flip(-1), -yaw, luck[1])):
            views.append((0.4 * float(drawn) - ((angle - shot.yaw) / 12) ** 2 / 2, angle, view))
    views.sort(key=lambda view: -view[0])
    _, leading, _ = views[0]
    chosen = [views[0], *sorted(views[1:], key=lambda view: abs(view[1] - leading))[:MOST_COMPANIONS]]
    leader = chosen[0][2]
    staged = torch.stack([leader, *(_aligned(_toned(view, leader), leader) for _, _, view in chosen[1:])])
    # The background is told apart first: once zoomed in, it may not reach the sides any more.
    staged = F.grid_sample(
        torch.cat([staged, _background_of(staged)], 1),
        _geometry(shot, staged.shape[-1], generator).expand(len(staged), -1, -1, -1),
        mode="bicubic",
        padding_mode="border",
        align_corners=True,
    )
    colour, background = staged[:, :3].clamp(-1, 1), staged[:, 3:].clamp(0, 1)
    staged = torch.lerp(colour, _backdrop(shot, colour.shape[-1], generator), background)
    turned = torch.tensor([angle - leading for _, angle, _ in chosen])
    prior = -(turned / 20).square() / 2 - COMPANION_PENALTY * (torch.arange(len(chosen)) > 0)
    return _relit(staged, shot), prior


def _coordinates(size: int) -> tuple[Tensor, Tensor]:
    """x as (1, size) and y as (size, 1)."""
    line = torch.linspace(-1, 1, size)
    return line[None, :], line[:, None]


def _toned(x: Tensor, leader: Tensor) -> Tensor:
    """`x` with the mean and spread of the leader's colours in the middle, where the skin is."""
    size = x.shape[-1]
    middle = slice(size // 4, 3 * size // 4)
    mine, theirs = x[:, middle, middle].flatten(1), leader[:, middle, middle].flatten(1)
    scale = theirs.std(1) / mine.std(1).clamp_min(1e-3)
    shifted = (x - mine.mean(1)[:, None, None]) * scale.clamp(0.7, 1.4)[:, None, None]
    return (shifted + theirs.mean(1)[:, None, None]).clamp(-1, 1)


def _aligned(x: Tensor, leader: Tensor) -> Tensor:
    """`x` moved to where its edges correlate best with the leader's, by up to a tenth of the width."""
    size, small = x.shape[-1], 64
    pair = F.interpolate(torch.stack([leader, x]), (small, small), mode="area")
    u, v = _coordinates(small)
    edges = F.pad((pair[:, :, 2:] - pair[:, :, :-2]).norm(dim=1).sqrt(), (0, 0, 1, 1))
    edges = edges * torch.exp(-3 * (u.square() + v.square()))
    spectrum = torch.fft.rfft2(edges)
    match = torch.fft.fftshift(torch.fft.irfft2(spectrum[0] * spectrum[1].conj(), s=(small, small)))
    reach, middle = small // 10, small // 2
    window = match[middle - reach : middle + reach + 1, middle - reach : middle + reach + 1]
    down, right = divmod(int(window.argmax()), 2 * reach + 1)
    pixels = [round((offset - reach) * size / small) for offset in (right, down)]
    far = math.ceil(size / 8)
    padded = F.pad(x[None], (far, far, far, far), mode="replicate")[0]
    top, left = far - pixels[1], far - pixels[0]
    return padded[:, top : top + size, left : left + size]


def _geometry(shot: Shot, size: int, generator: torch.Generator) -> Tensor:
    """Where each output pixel looks into the references, (1, S, S, 2): zoom, a hint of a turn, a soft warp."""
    u, v = _coordinates(size)
    zoom = _ZOOM[shot.framing] * (1 + 0.05 * (float(torch.rand((), generator=generator)) - 0.5))
    warp = torch.randn(1, 2, 5, 5, generator=generator)
    warp = F.interpolate(warp, (size, size), mode="bicubic", align_corners=True)[0] * 0.016
    # A face's middle moves further than its outline when the head turns.
    near = torch.exp(-((u / 0.42).square() + ((v + 0.05) / 0.5).square()))
    x = u / zoom + warp[0] - 0.12 * math.sin(math.radians(shot.yaw)) * near
    # Zooming in is towards the eyes; zooming out leaves the top where it is, so that no hair is smeared up.
    still = -0.12 if zoom > 1 else -1.0
    y = (v - still) / zoom + still + warp[1] + 0.16 * math.sin(math.radians(shot.pitch)) * near
    return torch.stack([x, y], dim=-1)[None]


def _background_of(x: Tensor) -> Tensor:
    """How surely each pixel of (N, 3, S, S) is background, by the colour of the sides: (N, 1, S, S)."""
    size = x.shape[-1]
    u, v = _coordinates(size)
    strip = max(1, size // 40)
    # At the bottom it may be the shoulders that reach the sides.
    rows = torch.arange(size).clamp(max=int(0.78 * size))
    sides = torch.stack([x[..., :strip].mean(-1), x[..., -strip:].mean(-1)])[..., rows, None]
    # In the middle and above it, where skin and hair are, little but the same colour counts.
    outside = torch.sigmoid(10 * ((u / 0.6).square() + ((v + 0.1).clamp_min(0) / 0.8).square() - 0.9))
    tolerance = 0.010 + 0.040 * outside
    certain = _alike(x, sides[0], tolerance).maximum(_alike(x, sides[1], tolerance)) * outside
    # Backgrounds are seldom even: follow them from where they are certain to where they border on the head.
    around = F.interpolate(torch.cat([x * certain, certain], 1), (32, 32), mode="area")
    around = F.interpolate(_smooth(around, 5), (size, size), mode="bilinear")
    nearby = around[:, :3] / around[:, 3:].clamp_min(1e-3)
    mask = certain.maximum(_alike(x, nearby, tolerance) * (around[:, 3:] * 8).clamp(max=1))
    return _smooth(mask, size // 128)


def _alike(x: Tensor, colour: Tensor, tolerance: Tensor) -> Tensor:
    """How much each pixel of (N, 3, S, S) has that colour, from 0 to 1 as (N, 1, S, S)."""
    return torch.exp(-((x - colour).square().sum(1, keepdim=True) / tolerance).square())


def _smooth(x: Tensor, reach: int) -> Tensor:
    """Means over squares that go `reach` pixels to each side."""
    x = F.pad(x, (reach, reach, reach, reach), mode="replicate")
    side = 2 * reach + 1
    return F.avg_pool2d(F.avg_pool2d(x, (side, 1), 1), (1, side), 1)


def _backdrop(shot: Shot, size: int, generator: torch.Generator) -> Tensor:
    """The shot's background, tinted a little at random: (3, S, S)."""
    _, v = _coordinates(size)
    top, bottom = (torch.tensor(colour)[:, None, None] for colour in _BACKDROP[shot.background])
    tint = 0.08 * (torch.rand(3, 1, 1, generator=generator) - 0.5)
    return (torch.lerp(top, bottom, (v + 1) / 2) + tint).mul(2).sub(1).expand(3, size, size)


def _relit(x: Tensor, shot: Shot) -> Tensor:
    """(N, 3, S, S) under the shot's light."""
    u, v = _coordinates(x.shape[-1])
    gain = torch.tensor(_GAIN[shot.light])[:, None, None]
    if shot.light == "side":
        gain = gain * (1 - 0.38 * torch.sigmoid(5 * u) + 0.12 * torch.sigmoid(-5 * u))
    elif shot.light == "backlit":
        rim = torch.exp(-2.2 * (u.square() + (v + 0.1).square()))
        gain = gain * (1.3 - 0.62 * rim)
    return (x.add(1) * gain).clamp_(0, 2).sub_(1)

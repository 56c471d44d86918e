"""The repositories of weights that profiles load: commit, files, licence, and the hashes of the largest files.

Commits and hashes are those that several independent projects pin in public. A fetch that gets other bytes is
refused, so a wrong value here can stop a fetch but never let wrong weights through.
"""

from pipelines.profile import Source

GB = 10**9

_CONFIGURATION = ("model_index.json", "*/*.json", "*/*.txt", "*/*.jinja")


EMBEDDED = Source(
    repository="likeness/embedded",
    files=("model_index.json", "*/*.json", "*/*.safetensors"),
    licence="CC0-1.0",
    licence_url="https://creativecommons.org/publicdomain/zero/1.0/",
    download=0,
    shipped=True,
)


def _shards(stem: str, *hashes: str) -> dict[str, str]:
    """Paths and hashes of a model that is published in several files."""
    count = len(hashes)
    return {f"{stem}-{n:05}-of-{count:05}.safetensors": sha256 for n, sha256 in enumerate(hashes, 1)}


KLEIN = Source(
    repository="black-forest-labs/FLUX.2-klein-4B",
    revision="e7b7dc27f91deacad38e78976d1f2b499d76a294",
    files=(*_CONFIGURATION, "*/*.safetensors"),
    sha256={
        "transformer/diffusion_pytorch_model.safetensors": (
            "9f29f9edcfdae452a653ffb51a534ca4decd389952c225724ff3b94042612a6e"
        ),
        **_shards(
            "text_encoder/model",
            "8c0506e7f4936fa7e26183a4fd8da4e2bdbc5990ba64ae441f965d51228f36ea",
            "82f2bd839378541b0557bfabaf37c7d3d637071fdcb73302dedd7cf61162ce07",
        ),
        "vae/diffusion_pytorch_model.safetensors": (
            "ca70d2202afe6415bdbcb8793ba8cd99fd159cfe6192381504d6c4d3036e0f04"
        ),
    },
    download=16 * GB,
    licence="Apache-2.0",
    licence_url="https://huggingface.co/black-forest-labs/FLUX.2-klein-4B/blob/main/LICENSE.md",
)

SMALL_DECODER = Source(
    repository="black-forest-labs/FLUX.2-small-decoder",
    revision="a3efc24f613ef42d9428af62fdbd6f5fd8856c4a",
    # The repository has the same autoencoder in another format, too.
    files=("config.json", "diffusion_pytorch_model.safetensors"),
    sha256={
        "diffusion_pytorch_model.safetensors": "d8d52ba036475f5fb07c8b435e176d3d97ebfa82f0d1a1c317f9cc1e25bd013b"
    },
    download=249_521_340,
    licence="Apache-2.0",
    licence_url="https://huggingface.co/black-forest-labs/FLUX.2-small-decoder",
)

# FireRed-Image-Edit's are the same files.
_QWEN_COMMON = {
    **_shards(
        "text_encoder/model",
        "d725335e4ea2399be706469e4b8807716a8fa64bd03468252e9f7acf2415fee4",
        "b1830db6908dcc76df3a71492acbcf2b8cac130114cf1f3c2d9edae8de8c6de3",
        "09c1807c6d00d7cab94f7db39d4c02ebb8537225ccde383861ac48db97945aa6",
        "5dd068336d14d45ffb43cef374d286cc6ba9d8741b028f90a7d040d847961f4a",
    ),
    "vae/diffusion_pytorch_model.safetensors": (
        "0c8bc8b758c649abef9ea407b95408389a3b2f610d0d10fcb054fe171d0a8344"
    ),
}

QWEN = Source(
    repository="Qwen/Qwen-Image-Edit-2511",
    revision="6f3ccc0b56e431dc6a0c2b2039706d7d26f22cb9",
    files=(*_CONFIGURATION, "*/*.safetensors"),
    sha256={
        **_shards(
            "transformer/diffusion_pytorch_model",
            "2a0c30c9ba44a5f11c21ca139e37951430bbde814ff4e0b5b1a68b80530e7a1a",
            "54ec249b07b4376e19cf16b764054f03ca03ae2cfbd9939453e2085f4e9bd259",
            "c55157843525653161e8f6af5acc670ba3aceff04284f7cf657199d24d065e16",
            "ffcfb5a4895702635890a67bad183591e0ae515d794bdcb26e217b27a7f6d12d",
            "2b2556b736629e10a5a0dfa14606f2057f4f81c2ba53f94103682c7ac42d4940",
        ),
        **_QWEN_COMMON,
    },
    download=58 * GB,
    licence="Apache-2.0",
    licence_url="https://huggingface.co/Qwen/Qwen-Image-Edit-2511",
)

FIRERED = Source(
    repository="FireRedTeam/FireRed-Image-Edit-1.1",
    revision="3bc3f2a12722fd9883eb6357500de191d56baaf5",
    files=(*_CONFIGURATION, "*/*.safetensors"),
    sha256={
        **_shards(
            "transformer/diffusion_pytorch_model",
            "cd6f0d78a3a8c21792538d0abae604bd7abbca1508a2e8c778ea359f5fabd180",
            "bb6b283ea5954aa16e8df94fbbd37368c48c07ff3cfcf3a514117333c3753463",
            "e0602f9a002cf2807080bfb6d055cbcd6991887be7e89c82fa9411f938195923",
            "ae1d1ec1a35f5f59b086c1947dbf62d67d972d25cf7c771640921c9aa97ee492",
            "9d304d6539e7dad0647346cecf68d1fd5dc0efc7319626cdde2fdfc3e1533417",
        ),
        **_QWEN_COMMON,
    },
    download=58 * GB,
    licence="Apache-2.0",
    licence_url="https://huggingface.co/FireRedTeam/FireRed-Image-Edit-1.1",
)

QWEN_LIGHTNING = Source(
    repository="lightx2v/Qwen-Image-Edit-2511-Lightning",
    revision="d74eba145674fd7e31b949324e148e21e7118abd",
    files=("Qwen-Image-Edit-2511-Lightning-8steps-V1.0-bf16.safetensors",),
    sha256={
        "Qwen-Image-Edit-2511-Lightning-8steps-V1.0-bf16.safetensors": (
            "a9e81a58a78f260f67b337a6f615e8fa4cd3bc79847c77b7d61a581b789b1ba8"
        ),
    },
    download=850_000_000,
    licence="Apache-2.0",
    licence_url="https://huggingface.co/lightx2v/Qwen-Image-Edit-2511-Lightning",
)

YUNET_FILE = "face_detection_yunet_2023mar.onnx"
YUNET = Source(
    repository="opencv/face_detection_yunet",
    revision="3cc26e7f1014a5ee5d74a42acee58bafc9d0a310",
    files=(YUNET_FILE,),
    sha256={YUNET_FILE: "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"},
    suffix=".onnx",
    download=232_589,
    licence="MIT",
    licence_url="https://github.com/opencv/opencv_zoo/tree/main/models/face_detection_yunet",
)

AURAFACE_FILE = "glintr100.onnx"
AURAFACE = Source(
    repository="fal/AuraFace-v1",
    revision="af6d057c9b0ec4071d4c49c80e3539258798b609",
    # This one alone: the others beside it are InsightFace's, whose licence forbids commercial use.
    files=(AURAFACE_FILE,),
    sha256={AURAFACE_FILE: "a7933ea5330113b01c9b60351d8f4c33003f145d8470ac5f0e52ee2effe25c60"},
    suffix=".onnx",
    download=260_694_151,
    licence="Apache-2.0",
    licence_url="https://huggingface.co/fal/AuraFace-v1",
)

SAFETY = Source(
    repository="onnx-community/nsfw_image_detection-ONNX",
    revision="1ceb3c7fe1e9f3f2507e6df577437f23a9149fd5",
    # Of nine precisions, the one that it was published in: OpenCV reads it.
    files=("onnx/model.onnx",),
    sha256={"onnx/model.onnx": "a4316a4fb750169ac4fcabaabee1fcbd982b0ee8c0cc63fe3e944954bb9a7d9c"},
    suffix=".onnx",
    download=343_000_000,
    licence="Apache-2.0",
    licence_url="https://huggingface.co/onnx-community/nsfw_image_detection-ONNX",
)
"""Falconsai's vision transformer, which tells `normal` from `nsfw`, as ONNX."""

SAFETY_NAME = "safety"
"""What `likeness models fetch` calls the safety gate's model."""

_TRUSTMARK = {
    "encoder_Q.onnx": "19b3d1b25836130ffd78775a8f61539f993375d1823ef0e59ba5b8dffb4f892d",
    "decoder_Q.onnx": "ee3268f057c9dabef680e169302f5973d0589feea86189ed229a896cc3aa88df",
}
WATERMARK = Source(
    repository="adobe/trustmark",
    address="https://cai-watermark.adobe.net/watermarking/trustmark-models/",
    revision=_TRUSTMARK["encoder_Q.onnx"][:40],
    files=tuple(_TRUSTMARK),
    sha256=_TRUSTMARK,
    suffix=".onnx",
    download=65_000_000,
    licence="MIT",
    licence_url="https://github.com/adobe/trustmark/blob/main/LICENSE",
)
"""TrustMark's variant Q. Its package has the MIT licence; its weights have no licence file of their own."""

WATERMARK_NAME = "watermark"
"""What `likeness models fetch` calls the watermark's models."""

FACES = "faces"
"""What `likeness models fetch` calls the face models."""

ADAPTER_FILE = "sdxl_models/ip-adapter-plus-face_sdxl_vit-h.safetensors"
IMAGE_ENCODER = "models/image_encoder"

_SDXL_LICENCE = "blob/462165984030d82259a11f4367a4eed129e94a7b/LICENSE.md"
SDXL = Source(
    repository="stabilityai/stable-diffusion-xl-base-1.0",
    revision="462165984030d82259a11f4367a4eed129e94a7b",
    # By name: the repository has the same models in four other formats, and a second autoencoder.
    files=(
        "model_index.json",
        "scheduler/scheduler_config.json",
        "text_encoder/config.json",
        "text_encoder/model.fp16.safetensors",
        "text_encoder_2/config.json",
        "text_encoder_2/model.fp16.safetensors",
        "tokenizer/*",
        "tokenizer_2/*",
        "unet/config.json",
        "unet/diffusion_pytorch_model.fp16.safetensors",
        "vae/config.json",
        "vae/diffusion_pytorch_model.fp16.safetensors",
    ),
    sha256={
        "unet/diffusion_pytorch_model.fp16.safetensors": (
            "83e012a805b84c7ca28e5646747c90a243c65c8ba4f070e2d7ddc9d74661e139"
        ),
        "text_encoder/model.fp16.safetensors": (
            "660c6f5b1abae9dc498ac2d21e1347d2abdb0cf6c0c0c8576cd796491d9a6cdd"
        ),
        "text_encoder_2/model.fp16.safetensors": (
            "ec310df2af79c318e24d20511b601a591ca8cd4f1fce1d8dff822a356bcdb1f4"
        ),
        "vae/diffusion_pytorch_model.fp16.safetensors": (
            "bcb60880a46b63dea58e9bc591abe15f8350bde47b405f9c38f4be70c6161e68"
        ),
    },
    variant="fp16",
    download=7 * GB,
    licence="CreativeML-OpenRAIL++-M",
    licence_url=f"https://huggingface.co/stabilityai/stable-diffusion-xl-base-1.0/{_SDXL_LICENCE}",
    duties="Its use restrictions (attachment A) bind you, and you must pass them on to whoever uses your service "
    "or the model.",
)

IP_ADAPTER = Source(
    repository="h94/IP-Adapter",
    revision="018e402774aeeddd60609b4ecdb7e298259dc729",
    files=(
        f"{IMAGE_ENCODER}/config.json",
        f"{IMAGE_ENCODER}/model.safetensors",
        ADAPTER_FILE,
    ),
    sha256={
        # The adapter for whole images has the same size to the byte: only the hash tells them apart.
        ADAPTER_FILE: "677ad8860204f7d0bfba12d29e6c31ded9beefdf3e4bbd102518357d31a292c1",
        f"{IMAGE_ENCODER}/model.safetensors": (
            "6ca9667da1ca9e0b0f75e46bb030f7e011f44f86cbfb8d5a36590fcd7507b030"
        ),
    },
    download=3_400_000_000,
    licence="Apache-2.0",
    licence_url="https://huggingface.co/h94/IP-Adapter",
)

"""Tokenizers made in memory: no vocabulary to download, one token for each byte.

They need more tokens for a prompt than the real ones. Where a pipeline pads prompts to a fixed length,
that changes nothing.
"""

from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import CLIPTokenizer, Qwen2Tokenizer

_QWEN_SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
_QWEN_CHAT = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def qwen_tokenizer() -> Qwen2Tokenizer:
    """A tokenizer for Qwen3 and Qwen2.5-VL text encoders."""
    vocabulary = {symbol: number for number, symbol in enumerate((*_bytes(), *_QWEN_SPECIAL))}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return Qwen2Tokenizer(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",  # noqa: S106 - the end of a turn, no password
        pad_token="<|endoftext|>",  # noqa: S106
        additional_special_tokens=list(_QWEN_SPECIAL),
        chat_template=_QWEN_CHAT,
    )


def clip_tokenizer() -> CLIPTokenizer:
    """A tokenizer for CLIP text encoders: prompts are cut and padded to 77 tokens."""
    symbols = (*_bytes(), *(f"{symbol}</w>" for symbol in _bytes()), "<|startoftext|>", "<|endoftext|>")
    return CLIPTokenizer(
        vocab={symbol: number for number, symbol in enumerate(symbols)}, merges=[], model_max_length=77
    )


def _bytes() -> list[str]:
    return sorted(pre_tokenizers.ByteLevel.alphabet())

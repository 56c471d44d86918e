"""Switches off network access and foreign code for the whole process."""

import os

_SWITCHES = (
    "HF_HUB_OFFLINE",
    "TRANSFORMERS_OFFLINE",
    "DIFFUSERS_DISABLE_REMOTE_CODE",
    "HF_HUB_DISABLE_TELEMETRY",
)


def offline() -> None:
    """Cuts this process and its children off from the hub.

    Call it before diffusers, transformers or huggingface_hub is imported: they read these variables only then.
    Loading doesn't rely on it (`load_folder` asks for local files itself); it is a second safeguard.
    """
    for name in _SWITCHES:
        os.environ[name] = "1"

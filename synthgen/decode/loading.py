"""A causal language model from a local folder: nothing fetched, no code of the folder run, no tensor made up."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError

from synthgen.core.errors import ModelError
from synthgen.decode.loop.products import has_bfloat16

Dtype = Literal["auto", "bfloat16", "float32"]
Placement = str | Mapping[str, int | str]
SLOW = "cpu without bfloat16"
HALVES = (torch.bfloat16, torch.float16)


def backend_of(device: Placement) -> str:
    """Return what computes where a model is placed: "cuda", "cpu", or "cpu without bfloat16".

    On one backend the same seed writes the same texts; another rounds in another way, and writes others.

    Raises:
        ModelError: when a GPU is asked for by name and there is none.
    """
    found = torch.cuda.is_available()
    if device == "cuda" and not found:
        raise ModelError(
            "decode.device: torch finds no GPU here", hint="Leave it out, or install the torch build for your GPU."
        )
    if device != "cpu" and found:
        return "cuda"
    return "cpu" if has_bfloat16() else SLOW


def slowdown(backend: str) -> int:
    """Return how many times as long as on a processor with bfloat16 a model takes; a round figure, for estimates."""
    return 5 if backend == SLOW else 1


@dataclass(frozen=True, slots=True)
class Loaded:
    """A language model ready to be read from.

    Args:
        tokenizer: its tokenizer.
        model: the model, frozen.
        device: where its input goes and its output comes from.
        on_one_device: whether all of its weights lie on that device; otherwise only its own forward pass finds them.
    """

    tokenizer: Any
    model: Any
    device: torch.device
    on_one_device: bool


def load_model(folder: Path, *, dtype: Dtype = "auto", device: Placement = "cpu") -> Loaded:
    """Return the tokenizer and the model of a folder.

    Args:
        folder: a causal language model of transformers, as safetensors.
        dtype: of the weights; "auto" as they are stored, but float32 instead of 16 bits where they lie on a processor
            that has no instructions for bfloat16 (every number stays the same; what is computed from them is rounded
            less).
        device: "cpu", "cuda", "auto" (spread over all GPUs, or the CPU where there is none), or a map from parts
            of the model to devices as accelerate takes it.

    Raises:
        ModelError: when it cannot be read, or lacks a tensor, which is named; when there is no GPU to place it on.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    backend = backend_of(device)
    if device == "auto" and backend != "cuda":
        device = "cpu"
    spread = device == "auto" or not isinstance(device, str)
    kept: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    said = logging.get_verbosity()
    logging.set_verbosity_error()  # a projector is no tensor of the model; what is missing is refused below
    placed = {"device_map": device if isinstance(device, str) else dict(device)} if spread else {}
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, **kept)
        model, loading = AutoModelForCausalLM.from_pretrained(
            folder, use_safetensors=True, dtype=dtype, output_loading_info=True, **kept, **placed
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"{folder}: no causal language model as safetensors can be read here") from error
    finally:
        logging.set_verbosity(said)
    if missing := sorted(loading["missing_keys"]):
        raise ModelError(f"{folder}: the checkpoint is incomplete", problems=[f"{name}: missing" for name in missing])
    model.requires_grad_(requires_grad=False).eval()
    if not spread:
        model.to(device)
        if dtype == "auto" and backend == SLOW and model.dtype in HALVES:
            model.float()
    near = next(p.device for p in model.parameters() if not p.is_meta)
    with torch.inference_mode():  # parts kept elsewhere are brought to where they are used: asking is the way to know
        at = model.get_input_embeddings()(torch.zeros(1, 1, dtype=torch.long, device=near)).device
    return Loaded(tokenizer, model, at, on_one_device=all(p.device == at for p in model.parameters()))

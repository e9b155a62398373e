"""Load a causal language model from a local folder, without downloads and without running code from the folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError

from synthgen.core.errors import ModelError
from synthgen.core.workers import has_bfloat16, has_int8
from synthgen.decode.loop.llama import has_stepper

Dtype = Literal["auto", "bfloat16", "float32"]
Placement = str | Mapping[str, int | str]  # "cpu", "cuda", "auto", or a device map of transformers
SLOW = "cpu without bfloat16"  # name of the backend for a processor without bfloat16 instructions
HALVES = (torch.bfloat16, torch.float16)  # the backend `SLOW` converts weights of these types to float32


def backend_of(device: Placement) -> str:
    """Return the backend for a placement: "cuda", "cpu", or "cpu without bfloat16".

    Backends round differently, so one seed gives different texts with different backends.

    Raises:
        ModelError: "cuda" is given and there is no GPU.
    """
    has_gpu = torch.cuda.is_available()
    if isinstance(device, str) and device.startswith("cuda") and not has_gpu:
        hint = "Remove decode.device to use the CPU, or install the torch build for your GPU."
        raise ModelError("decode.device: torch finds no GPU", hint=hint)
    if device != "cpu" and has_gpu:
        return "cuda"
    return "cpu" if has_bfloat16() else SLOW


def decode_dtype(folder: Path, device: Placement) -> Dtype:
    """Return the dtype in which a decoder loads a model: "bfloat16", or "auto" for the stored dtype.

    On a processor with bfloat16 instructions, the result is "bfloat16", which halves the memory of float32 weights.
    The exceptions, with the result "auto", are models that are stored in bfloat16, Llama and Mistral models that
    `LlamaStepper` supports, and models without a readable configuration. On other backends, the result is always
    "auto".
    """
    config = _config(folder)
    if backend_of(device) != "cpu" or config is None:
        return "auto"
    keeps_dtype = config.model_type in ("llama", "mistral") and has_stepper(config)
    return "auto" if keeps_dtype or config.dtype is torch.bfloat16 else "bfloat16"


def decodes_in_int8(folder: Path, device: Placement) -> bool:
    """Return whether a decoder with `LlamaStepper` converts the weights of a model to int8.

    The result is true if `has_int8` is true for the processor, `LlamaStepper` supports the model, the model is stored
    in 16 bits or loaded in bfloat16, and the whole model is on the CPU.
    """
    config, places = _config(folder), set() if isinstance(device, str) else set(device.values())
    if backend_of(device) == "cuda" or not has_int8() or config is None or not has_stepper(config):
        return False
    if not places <= {"cpu"}:
        return False
    return config.dtype in HALVES or decode_dtype(folder, device) == "bfloat16"


def decode_backend(folder: Path, device: Placement, *, own_loop: bool = True) -> str:
    """Return the backend for decoding with a model: the result of `backend_of`, and the type of converted weights.

    For example, "cpu in int8" means that the weights are converted to int8. If the weights are not converted, no type
    is named. With `own_loop`, `LlamaStepper` computes the forward pass of the models that it supports.
    """
    backend = backend_of(device)
    if own_loop and decodes_in_int8(folder, device):
        return f"{backend} in int8"
    return f"{backend} in bfloat16" if decode_dtype(folder, device) == "bfloat16" else backend


def _config(folder: Path) -> Any:
    """Return the configuration of the model in a folder; None if it cannot be read (`load_model` reports this)."""
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError):
        return None


@dataclass(frozen=True, slots=True)
class Loaded:
    """A loaded language model with its tokenizer."""

    tokenizer: Any
    model: Any  # causal language model without gradients
    device: torch.device  # device of the model's inputs and outputs
    on_one_device: bool  # whether all weights are on `device`


def load_tokenizer(folder: Path) -> Any:
    """Return the tokenizer of a transformers folder; raise ModelError if it cannot be read."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, ImportError) as error:
        raise ModelError(f"{folder}: the tokenizer in this folder cannot be read ({type(error).__name__})") from error


def load_model(folder: Path, *, dtype: Dtype = "auto", device: Placement = "cpu") -> Loaded:
    """Return the tokenizer and the causal language model of a transformers folder with safetensors weights.

    With the dtype "auto", weights keep their stored dtype, but a processor without bfloat16 instructions converts
    16-bit weights to float32. The device "auto" means all GPUs, or the CPU if there is no GPU.

    Raises:
        ModelError: the model cannot be read or lacks tensors, or "cuda" is given and there is no GPU.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    backend = backend_of(device)
    if device == "auto" and backend != "cuda":
        device = "cpu"
    spread = device == "auto" or not isinstance(device, str)  # whether several devices can share the model
    local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    placed = {"device_map": device if isinstance(device, str) else dict(device)} if spread else {}
    verbosity = logging.get_verbosity()
    # Transformers would warn about additional tensors, such as the projector in an xRAG checkpoint. Missing tensors
    # are an error below.
    logging.set_verbosity_error()
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, **local)
        model, loading = AutoModelForCausalLM.from_pretrained(
            folder, use_safetensors=True, dtype=dtype, output_loading_info=True, **local, **placed
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelError(
            f"{folder}: contains no causal language model that can be read from safetensors files"
        ) from error
    finally:
        logging.set_verbosity(verbosity)
    if missing := sorted(loading["missing_keys"]):
        problems = [f"{name}: this tensor is missing" for name in missing]
        hint = "Fetch or copy the files of the model again."
        raise ModelError(f"{folder}: the model is incomplete", problems=problems, hint=hint)
    model.requires_grad_(requires_grad=False).eval()
    if not spread:
        model.to(device)
        if dtype == "auto" and backend == SLOW and model.dtype in HALVES:
            model.float()
    first = next(p.device for p in model.parameters() if not p.is_meta)
    # accelerate moves offloaded weights to the computing device, so a computed embedding is on this device
    with torch.inference_mode():
        computing = model.get_input_embeddings()(torch.zeros(1, 1, dtype=torch.long, device=first)).device
    return Loaded(tokenizer, model, computing, on_one_device=all(p.device == computing for p in model.parameters()))

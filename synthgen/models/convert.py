"""Convert the embedded decoder's GGUF once to safetensors, so that no other code has to read GGUF."""

import errno
import json
import os
import re
from pathlib import Path
from typing import Any

from synthgen.core.digest import sha256_bytes
from synthgen.core.errors import ModelError

# The architecture stands in the GGUF; it is written out here so that the file's digest can be pinned.
SMOLLM2_CONFIG: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 1,
    "dtype": "bfloat16",
    "eos_token_id": 2,
    "head_dim": 64,
    "hidden_act": "silu",
    "hidden_size": 576,
    "initializer_range": 0.02,
    "intermediate_size": 1536,
    "max_position_embeddings": 8192,
    "mlp_bias": False,
    "model_type": "llama",
    "num_attention_heads": 9,
    "num_hidden_layers": 30,
    "num_key_value_heads": 3,
    "pad_token_id": 2,
    "rms_norm_eps": 1e-05,
    "rope_parameters": {"rope_theta": 100000.0, "rope_type": "default"},
    "tie_word_embeddings": True,
    "use_cache": True,
    "vocab_size": 49152,
}
TOKENIZER_CONFIG = {
    "backend": "tokenizers",
    "bos_token": "<|im_start|>",
    "eos_token": "<|im_end|>",
    "pad_token": "<|im_end|>",
    "tokenizer_class": "TokenizersBackend",
    "unk_token": "<|endoftext|>",
}
# tokenizer.json is written by the installed transformers and may differ between its versions in form,
# so its meaning is pinned: the ids of a probe that touches words, digits, case, space, bytes and markers
PROBE = "The patient, 63 y/o, c/o  chest pain.\n\tBP 142/88; naïve café – 漢字 🙂 <|im_start|>user\n<|im_end|>"
PROBE_IDS_SHA256 = "99d4a15efb8c2c84e21ed16db2052a2af92fdf06a93317d5691a5631e2d6c2e5"


def convert_smollm2(gguf: Path, folder: Path) -> None:
    """Write config, tokenizer and bfloat16 weights of the GGUF into `folder`.

    Raises:
        ModelError: when the tokenizer that comes out does not cut the probe as it should.
        OSError: when the weights cannot be written.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()

    source = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name, "local_files_only": True}
    tokenizer = AutoTokenizer.from_pretrained(**source)
    if probe_digest(tokenizer) != PROBE_IDS_SHA256:
        raise ModelError(
            "the decoder's tokenizer came out different from the pinned one",
            hint="The installed transformers reads this GGUF differently; install the version the README names.",
        )
    model = AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32)
    tensors = {
        name: tensor.to(torch.bfloat16).contiguous()
        for name, tensor in sorted(model.state_dict().items())
        if name != "lm_head.weight"  # tied to the input embeddings
    }
    try:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    except SafetensorError as error:
        raise _os_error(error) from error
    (folder / "config.json").write_text(json.dumps(SMOLLM2_CONFIG, indent=1, sort_keys=True) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps(TOKENIZER_CONFIG, indent=1, sort_keys=True) + "\n")
    (folder / "tokenizer.json").write_text(tokenizer.backend_tokenizer.to_str())


def _os_error(error: Exception) -> OSError:
    """Return the system's error that safetensors tells only in words, so that a full disk is known as one."""
    found = re.search(r"\(os error (\d+)\)", str(error))
    number = int(found[1]) if found else errno.EIO
    return OSError(number, os.strerror(number))


def probe_digest(tokenizer: Any) -> str:
    """Return the sha256 of the ids the tokenizer gives for the probe."""
    return _ids_digest(tokenizer(PROBE, add_special_tokens=False).input_ids)


def check_tokenizer(path: Path) -> None:
    """Raise ModelError when a tokenizer.json does not cut the probe as the decoder's does."""
    from tokenizers import Tokenizer

    try:
        found = _ids_digest(Tokenizer.from_buffer(path.read_bytes()).encode(PROBE, add_special_tokens=False).ids)
    except ValueError as error:
        raise ModelError(f"{path.name}: not a tokenizer") from error
    if found != PROBE_IDS_SHA256:
        raise ModelError(f"{path.name}: not the decoder's tokenizer, it cuts the probe differently")


def _ids_digest(ids: list[int]) -> str:
    return sha256_bytes(",".join(map(str, ids)).encode())

"""Convert the language model SmolLM2 from a GGUF file to safetensors when the model is installed."""

import errno
import json
import os
import re
from pathlib import Path
from typing import Any

# the content of config.json, which is constant so that its digest can be pinned
SMOLLM2_CONFIG: dict[str, Any] = json.loads("""{
"architectures": ["LlamaForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 1,
"dtype": "bfloat16", "eos_token_id": 2, "head_dim": 64, "hidden_act": "silu", "hidden_size": 576,
"initializer_range": 0.02, "intermediate_size": 1536, "max_position_embeddings": 8192, "mlp_bias": false,
"model_type": "llama", "num_attention_heads": 9, "num_hidden_layers": 30, "num_key_value_heads": 3, "pad_token_id": 2,
"rms_norm_eps": 1e-05, "rope_parameters": {"rope_theta": 100000.0, "rope_type": "default"},
"tie_word_embeddings": true, "use_cache": true, "vocab_size": 49152
}""")
TOKENIZER_CONFIG: dict[str, Any] = json.loads("""{
"backend": "tokenizers", "bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "pad_token": "<|im_end|>",
"tokenizer_class": "TokenizersBackend", "unk_token": "<|endoftext|>"
}""")
# tokenizer.json without the vocabulary, merges and special tokens, which come from the GGUF file
TOKENIZER: dict[str, Any] = json.loads("""{
"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
"post_processor": {
  "type": "TemplateProcessing",
  "single": [{"Sequence": {"id": "A", "type_id": 0}}],
  "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
  "special_tokens": {}
},
"decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
"model": {
  "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": "", "end_of_word_suffix": "",
  "fuse_unk": false, "byte_fallback": false, "ignore_merges": false
}
}""")
CONTROL_TOKEN = 3  # GGUF's type number of special tokens


def convert_smollm2(gguf: Path, folder: Path) -> None:
    """Write the configuration, the tokenizer and the bfloat16 weights of the model in a GGUF file into `folder`."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    source = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name, "local_files_only": True}
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
    for name, content in (("config.json", SMOLLM2_CONFIG), ("tokenizer_config.json", TOKENIZER_CONFIG)):
        (folder / name).write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
    text = json.dumps(_tokenizer(gguf), ensure_ascii=False, separators=(",", ":"))
    (folder / "tokenizer.json").write_text(text, encoding="utf-8")


def _tokenizer(gguf: Path) -> dict[str, Any]:
    # the tokenizer is not converted with transformers, whose versions can write different files
    from gguf import GGUFReader

    fields = GGUFReader(gguf).fields
    names = ("tokens", "merges", "token_type")
    tokens, merges, kinds = (fields[f"tokenizer.ggml.{name}"].contents() for name in names)
    pairs = [merge.split(" ") for merge in merges]
    vocabulary = {"vocab": {token: i for i, token in enumerate(tokens)}, "merges": pairs}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    special = [i for i, kind in enumerate(kinds) if kind == CONTROL_TOKEN]
    special_tokens = [{"id": i, "content": tokens[i]} | flags for i in special]
    return TOKENIZER | {"added_tokens": special_tokens, "model": TOKENIZER["model"] | vocabulary}


def _os_error(error: Exception) -> OSError:
    # safetensors states the number of the system error only in its message; the number shows whether the disk is full
    match = re.search(r"\(os error (\d+)\)", str(error))
    number = int(match[1]) if match else errno.EIO
    return OSError(number, os.strerror(number))

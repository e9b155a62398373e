"""Tiny random checkpoints with the tensor names, files and settings of xrag-7b and SFR-Embedding-Mistral."""

import json

import torch
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken
from transformers import MistralConfig, MistralForCausalLM, MistralModel

INDEX = "model.safetensors.index.json"
SHARDS = tuple(f"model-0000{i}-of-00003.safetensors" for i in (1, 2, 3))
DIM, WIDTH = 24, 40
HEADS = {"num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "sliding_window": None}
SIZES = {"intermediate_size": 52, "max_position_embeddings": 256, "initializer_range": 0.2, **HEADS}


def decoder_tensors(config, seed=17):
    """Return the tensors of a checkpoint that contains the language model and its projector."""
    torch.manual_seed(seed)
    tensors = {name: tensor.clone() for name, tensor in MistralForCausalLM(config).state_dict().items()}
    if config.tie_word_embeddings:
        del tensors["lm_head.weight"]
    shapes = {"0.weight": (WIDTH, DIM), "0.bias": (WIDTH,), "2.weight": (WIDTH, WIDTH), "2.bias": (WIDTH,)}
    return tensors | {f"projector.projector.{name}": torch.randn(shape) * 0.4 for name, shape in shapes.items()}


def write_shards(folder, tensors):
    """Divide the tensors, in the order of their names, into three files, and write an index."""
    names = sorted(tensors)
    total = sum(t.numel() * t.element_size() for t in tensors.values())
    weight_map = {name: SHARDS[i * len(SHARDS) // len(names)] for i, name in enumerate(names)}
    for shard in SHARDS:
        part = {name: tensors[name] for name in names if weight_map[name] == shard}
        save_file(part, folder / shard, metadata={"format": "pt"})
    (folder / INDEX).write_text(json.dumps({"metadata": {"total_size": total}, "weight_map": weight_map}))


def read_shards(folder):
    """Return all tensors of a folder."""
    return {name: tensor for shard in SHARDS for name, tensor in load_file(folder / shard).items()}


def decoder_config(vocab_size, **changes):
    """Return a configuration with the fields of xrag-7b's."""
    model = {"vocab_size": vocab_size, "hidden_size": WIDTH, "head_dim": 12, "tie_word_embeddings": False, **SIZES}
    tokens = {"bos_token_id": 1, "eos_token_id": 2, "architectures": ["XMistralForCausalLM"]}
    projector = {"retriever_hidden_size": DIM, "projector_type": "mlp2x_gelu"}
    return MistralConfig(**{**model, **tokens, **projector, **changes})


def save_decoder(folder, tokenizer, **changes):
    """Add the placeholder to the tokenizer, write a decoder of xrag-7b's layout, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.add_tokens([AddedToken("<xRAG>", lstrip=False, rstrip=False)])
    tokenizer.save_pretrained(folder)
    config = decoder_config(len(tokenizer), **changes)
    config.save_pretrained(folder)
    write_shards(folder, decoder_tensors(config))
    return folder


def save_encoder(folder, tokenizer, **changes):
    """Write an encoder of SFR-Embedding-Mistral's layout whose last norm has the weights 3.5; return the folder."""
    torch.manual_seed(23)
    config = MistralConfig(vocab_size=len(tokenizer), hidden_size=DIM, **{**SIZES, **changes})
    model = MistralModel(config)
    model.norm.weight.data.mul_(3.5)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder

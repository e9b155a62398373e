"""Tiny random language models, a tokenizer and bridges of the published layouts, generated for the tests."""

import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Phi3Config,
    Phi3ForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from synthgen.core.types import Latents
from synthgen.decode import shards
from synthgen.decode.bridge import DESCRIPTION, WEIGHTS, BridgeInfo
from synthgen.decode.prompt_words import make_reader

SPECIAL = ["<pad>", "<s>", "</s>", "<vec>"]
PAD, BOS, EOS, VEC = range(4)
SIZE = 290  # the bytes, the special tokens and a few merges
WORDS = ("doctor", "patient", "fever", "rocket", "engine", "orbit", "river", "garden", "the", "a", "sees", "fixes")
SHARED = {"vocab_size": SIZE, "initializer_range": 0.2, "bos_token_id": BOS, "eos_token_id": EOS, "pad_token_id": PAD}
HEADS = {"num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 12}
WIDTHS = {"hidden_size": 40, "intermediate_size": 52, "max_position_embeddings": 96}
LLAMA = {**SHARED, **HEADS, **WIDTHS, "tie_word_embeddings": False}


def sentences(n, *, seed=0, words=6):
    """Return n sentences of random words from the vocabulary `WORDS`."""
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, words)).capitalize() + "." for _ in range(n)]


def tokenizer():
    """Return a byte-level tokenizer with tokens for begin, end, padding and the placeholder."""
    inner = Tokenizer(BPE())
    inner.pre_tokenizer, inner.decoder = ByteLevel(add_prefix_space=False), ByteLevelDecoder()
    alphabet = ByteLevel.alphabet()
    options = {"special_tokens": SPECIAL, "initial_alphabet": alphabet, "show_progress": False}
    inner.train_from_iterator(sentences(40), BpeTrainer(vocab_size=SIZE, **options))
    special = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "additional_special_tokens": ["<vec>"]}
    return PreTrainedTokenizerFast(tokenizer_object=inner, **special)


FAMILIES = {
    "llama": (LlamaConfig, LlamaForCausalLM),
    "mistral": (MistralConfig, MistralForCausalLM),
    "phi3": (Phi3Config, Phi3ForCausalLM),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM),
    "qwen3": (Qwen3Config, Qwen3ForCausalLM),
}


def language_model(family, *, seed=11, **changes):
    """Return a random float32 model of a family, in evaluation mode."""
    torch.manual_seed(seed)
    if family == "gpt2":
        shape = {"n_embd": 40, "n_layer": 2, "n_head": 4, "n_positions": 96}
        made = GPT2LMHeadModel(GPT2Config(**SHARED, **shape, **changes))
    else:
        shape, model = FAMILIES[family]
        own = {"mistral": {"sliding_window": None}, "phi3": {"sliding_window": None}}.get(family, {})
        made = model(shape(**{**LLAMA, **own, **changes}))
    return made.eval()


def save_model(folder, family, *, dtype=torch.float32, **changes):
    """Write a model and its tokenizer in the format of a model hub; return the folder."""
    language_model(family, **changes).to(dtype).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


def info(**changes):
    """Return the description of a bridge from the encoder "tiny-encoder" (7 wide) to the decoder "tiny"."""
    shape = {"dim": 7, "width": 40, "hidden": 13, "n_soft": 3, "adapter_rank": 0, "max_text_tokens": 20, "steps": 5}
    frame = {"template": "<s>{prompt}\n{vector}\n", "placeholder_id": VEC}
    return BridgeInfo(**{"encoder": "tiny-encoder", "decoder": "tiny", **shape, **frame, **changes})


def bridge_tensors(described, *, seed=3):
    """Return random tensors of a projector that fits the description."""
    generator = torch.Generator().manual_seed(seed)
    hidden, out = described.hidden, described.n_soft * described.width
    shapes = {"0.weight": (hidden, described.dim), "0.bias": (hidden,), "2.weight": (out, hidden), "2.bias": (out,)}
    return {f"projector.projector.{k}": torch.randn(s, generator=generator) * 0.4 for k, s in shapes.items()}


def write_bridge(folder, described, tensors):
    """Write a bridge's two files; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / WEIGHTS)
    (folder / DESCRIPTION).write_text(described.model_dump_json())
    return folder


def reader(*, dim=7, seed=5):
    """Return a vocabulary of the twelve words with random vectors."""
    vectors = np.random.default_rng(seed).normal(size=(len(WORDS), dim)).astype(np.float32)
    return make_reader(dict.fromkeys(WORDS, 0.1), vectors, np.zeros(dim, dtype=np.float32))


def latents(n, *, dim=7, labels=("ant", "bee.hive"), seed=2):
    """Return n random latents named x0, x1, ... with alternating labels."""
    vectors = np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)
    return Latents(
        vectors=vectors,
        ids=tuple(f"x{i}" for i in range(n)),
        labels=tuple(labels[i % len(labels)] for i in range(n)),
        parent_ids=((),) * n,
        weights=((),) * n,
        method="none",
        seed_path="test",
    )


def rows_of(these, rows):
    """Return rows of latents, in the order given."""
    return shards.rows_of(these, list(rows))

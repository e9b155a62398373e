"""Choose the shape of a bridge for a language model, where the configuration says `auto`.

With a bridge, a language model writes a text from a vector. A bridge consists of a projector, which maps the vector
to soft tokens (input embeddings), and of low-rank adapters. The keys `bridge.adapter_targets`, `bridge.template` and
`bridge.placeholder_id` can be `auto` only for the families in `FAMILIES`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from synthgen.core.errors import ModelError
from synthgen.decode.prompts import PROMPT, VECTOR
from synthgen.decode.train.config import AUTO, BridgePart

ATTENTION, GATED = ("q_proj", "k_proj", "v_proj", "o_proj"), ("gate_proj", "up_proj", "down_proj")
TURN = "<|im_start|>"  # the token that begins a turn in the chat form of SmolLM2 and Qwen
# tokens that a model never writes; in order, of SmolLM2, Qwen2.5 and Qwen3, Llama 3, Phi-3, Phi-4, Mistral
_LLAMA_RESERVED = "<|reserved_special_token_0|>"
RESERVED = ("<filename>", "<|box_start|>", _LLAMA_RESERVED, "<|placeholder1|>", "<|dummy_0|>", "[control_8]")


@dataclass(frozen=True, slots=True)
class ModelFamily:
    """Language models whose layers have the same names."""

    models: str  # examples of models, for messages
    targets: tuple[str, ...]  # names of all linear layers of a block


FAMILIES: Mapping[str, ModelFamily] = {  # by `model_type` in the config.json of a model
    "llama": ModelFamily("SmolLM2, Llama 3", ATTENTION + GATED),
    "qwen2": ModelFamily("Qwen2.5", ATTENTION + GATED),
    "qwen3": ModelFamily("Qwen3", ATTENTION + GATED),
    "mistral": ModelFamily("Mistral 7B", ATTENTION + GATED),
    "phi3": ModelFamily("Phi-3, Phi-4", ("qkv_proj", "o_proj", "gate_up_proj", "down_proj")),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeShape:
    """The shape of a bridge for one language model: the settings of `BridgePart`, without `auto`."""

    soft_tokens: int  # number of soft tokens per vector
    hidden: int  # width of the hidden layer of the projector
    adapter_rank: int  # rank of the adapters; 0 if only the projector is trained
    adapter_targets: tuple[str, ...]  # names of the linear layers that get an adapter; empty if the rank is 0
    template: str  # text before a generated text
    placeholder_id: int  # id of the token that stands for a soft token


def shape_of(part: BridgePart, model: nn.Module, tokenizer: Any) -> BridgeShape:
    """Return the configured shape, with values for this language model in place of `auto`.

    Raises:
        ModelError: a value is `auto` and the model belongs to no family in `FAMILIES`, or a value does not fit the
            model.
    """
    model_type = str(getattr(model.config, "model_type", "unknown"))
    family = FAMILIES.get(model_type)
    values = part.model_dump() | ({"adapter_targets": ()} if part.adapter_rank == 0 else {})
    if family is None and (automatic := [name for name, value in values.items() if value == AUTO]):
        known = "; ".join(f"{name} ({family.models})" for name, family in FAMILIES.items())
        problems = [f"bridge.{name}: `auto` is not supported for this type of model" for name in automatic]
        hint = f"Use a model of one of these types: {known}. Otherwise, set the keys listed above instead of `auto`."
        message = f"a model of type {model_type!r} belongs to no supported family"
        raise ModelError(message, problems=problems, hint=hint)
    if family is not None and values["adapter_targets"] == AUTO:
        values["adapter_targets"] = family.targets
    if part.template == AUTO:
        begin = TURN if TURN in tokenizer.get_vocab() else (tokenizer.bos_token or "")
        values["template"] = f"{begin}{PROMPT}\n{VECTOR}\n"
    if part.placeholder_id == AUTO:
        values["placeholder_id"] = _placeholder(tokenizer, values["template"])
    shape = BridgeShape(**values)
    _check(shape, model, tokenizer)
    return shape


def _placeholder(tokenizer: Any, template: str) -> int:
    # returns the id of a token that the model never writes and that the template does not contain
    vocabulary = tokenizer.get_vocab()
    reserved = [token for token in RESERVED if token in vocabulary]
    with_function = {tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token, tokenizer.unk_token}
    special = sorted(map(str, tokenizer.all_special_tokens), key=tokenizer.convert_tokens_to_ids)
    for token in [*reserved, *(token for token in special if token not in with_function), tokenizer.unk_token]:
        if token is not None and token in vocabulary and token not in template:
            return int(vocabulary[token])
    message = "bridge.placeholder_id: the tokenizer has no special token that the model never writes"
    raise ModelError(message, hint="Set bridge.placeholder_id to the id of a token that occurs in no text.")


def _check(shape: BridgeShape, model: nn.Module, tokenizer: Any) -> None:
    size = int(model.get_input_embeddings().weight.shape[0])  # type: ignore[operator]
    problems = []
    head = model.get_output_embeddings()  # type: ignore[operator]
    if getattr(head, "bias", None) is not None:
        problems.append("the output layer of the language model has a bias, which this training does not support")
    if shape.placeholder_id >= size:
        problems.append(f"bridge.placeholder_id: {shape.placeholder_id}, but the model has only {size} tokens")
    if shape.placeholder_id == tokenizer.eos_token_id:
        problems.append(f"bridge.placeholder_id: {shape.placeholder_id} is the token that ends a text")
    if problems:
        raise ModelError("the settings of the bridge do not fit the language model", problems=problems)

"""Load the bridge of a published xRAG checkpoint such as `Hannibal046/xrag-7b`.

Such a checkpoint is a Mistral language model that contains its bridge: a projector, which maps a vector to an input
embedding. A prompt requests a paraphrase; the token `<xRAG>` marks the place of the vector in the prompt.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor, equal, nn
from torch.nn import functional

from audits.core.files import read_regular
from synthgen.core.digest import sha256_array, sha256_json
from synthgen.core.errors import ModelError
from synthgen.decode.bridge import Bridge, BridgeInfo
from synthgen.decode.loading import Dtype, load_tokenizer
from synthgen.decode.projector import TENSORS, Projector, projector_from

SINGLE = "model.safetensors"  # file with all tensors of a checkpoint without shards
INDEX = "model.safetensors.index.json"  # file that names the shard of each tensor of a checkpoint with shards
TABLE, HEAD = "model.embed_tokens.weight", "lm_head.weight"  # tensors of the input embeddings and of the output head
PLACEHOLDER = "<xRAG>"
VECTOR_PLACE = "[X]"  # stands for the vector in `PARAPHRASES`, as in the prompts of the xRAG paper
CHAT = "[INST] {words} [/INST]"  # Mistral's form of a message from the user
KIND = "mlp2x_gelu"  # projector_type in config.json: two layers with a GELU between them
# each prompt requests a text with the meaning of the vector, as in the xRAG paper; the wording is from this project
PARAPHRASES = (
    "Background: [X] Write this background again in your own words.",
    "Background: [X] Which text says the same as this background?",
    "Background: [X] In other words:",
    "Background: [X] Give another version of the text above that keeps its meaning.",
    "Background: [X] The same, said differently, is:",
    "Two texts that say the same thing:\n(1) [X]\n(2)",
    "Background: [X] Spell out what the background says.",
    "There is another way to put the background [X], namely:",
)
# invented sentences, on which the norm of an encoder's vectors is measured (see `RescalingProjector`)
SENTENCES = (
    "The train to the coast leaves at seven and arrives before noon.",
    "She planted two rows of beans behind the house and waited for rain.",
    "A committee of five members reviewed the budget for the coming year.",
    "Water boils at a lower temperature on a high mountain than at the sea.",
    "The museum closed its old wing while the roof was being repaired, so visitors were sent to the annex instead.",
    "Nobody had expected the smaller team to win, but its defence held until the end.",
    "He asked whether the printer could be returned, since it had stopped working after a week.",
    "The patient reported a mild headache in the evening that was gone by the next morning.",
)


@dataclass(frozen=True, slots=True)
class Paraphrase:
    """A prompt that requests a paraphrase, in Mistral's chat form: <s>[INST] {words} [/INST].

    {words} is the configured prompt, if any, and then one of the `PARAPHRASES` on a new line.
    """

    text: str  # one of the `PARAPHRASES`
    n_soft: int  # number of placeholders per vector; xRAG has one
    placeholder_id: int

    def tokens(self, tokenizer: Any, prompt: str) -> list[int]:
        """Return the token ids of the filled prompt; raise ModelError if `prompt` contains the placeholder."""
        filled = self.text.replace(VECTOR_PLACE, " ".join([PLACEHOLDER] * self.n_soft))
        words = f"{prompt}\n{filled}" if prompt else filled
        ids = list(tokenizer(CHAT.format(words=words), add_special_tokens=False).input_ids)
        if ids.count(self.placeholder_id) != self.n_soft:
            hint = f"Remove {PLACEHOLDER} from decode.prompt and from the labels."
            found = f"{ids.count(self.placeholder_id)} times instead of {self.n_soft}"
            raise ModelError(f"a prompt contains the placeholder {PLACEHOLDER} {found}", hint=hint)
        return [int(tokenizer.bos_token_id), *ids]


@dataclass(frozen=True, slots=True)
class CheckpointBridge(Bridge):
    """A bridge that is part of the checkpoint of its language model."""

    templates: tuple[Paraphrase, ...]  # one template is drawn for each vector that is decoded
    raw_norm: float | None = None  # mean norm of the encoder's vectors before normalization; None until measured
    dtype: Dtype = "bfloat16"  # dtype of the language model

    def check_fit(self, *, dim: int, width: int) -> None:
        """Raise ModelError unless the projector maps vectors of `dim` numbers to embeddings of `width` numbers."""
        problems = []
        if dim != self.info.dim:
            problems.append(f"{TENSORS[0]}: takes {self.info.dim} numbers, but the encoder's vectors have {dim}")
        if width != self.info.width:
            problems.append(f"{TENSORS[2]}: gives {self.info.width} numbers, but the model's embeddings have {width}")
        if problems:
            hint = "Set embed.model to the projector's encoder; for xrag-7b, SFR-Embedding-Mistral."
            raise ModelError(
                "the projector of decode.model does not fit the encoder or the embeddings of the model",
                problems=problems,
                hint=hint,
            )


class RescalingProjector(nn.Module):
    """A projector that was trained on vectors v that were not normalized.

        soft = W2 · gelu(W1 · x + b1) + b2,   x = raw_norm · v / ‖v‖

    Each vector is first rescaled to `raw_norm`, the mean Euclidean norm of the encoder's vectors before
    normalization. These norms differ little between texts, because the encoders end in a normalizing layer.

    Reference: Cheng et al., xRAG, 2024 (arXiv 2405.13792v2), section 3.2; in xRAG, vectors keep their norms.
    """

    def __init__(self, projector: Projector, raw_norm: float | None) -> None:
        super().__init__()
        if raw_norm is None or not math.isfinite(raw_norm) or raw_norm <= 0:
            raise ModelError(f"the mean norm of the encoder's vectors must be a positive number, not {raw_norm}")
        self.projector, self.raw_norm = projector, raw_norm

    def forward(self, vectors: Tensor) -> Tensor:
        """Return soft tokens (n, n_soft, width) for vectors (n, dim) of any norm."""
        soft: Tensor = self.projector.projector(functional.normalize(vectors, dim=-1) * self.raw_norm)
        return soft.view(-1, self.projector.n_soft, self.projector.width)


def load_checkpoint_bridge(folder: Path) -> CheckpointBridge:
    """Return the bridge inside an xRAG checkpoint, without loading the language model.

    Raises:
        ModelError: a file cannot be read, or the checkpoint is incomplete or has a different structure.
    """
    files = tensor_files(folder)
    config, tokenizer = _config_and_tokenizer(folder)
    width = int(config.hidden_size)
    tensors = read_tensors(files, TENSORS)
    problems = [*_token_problems(config, tokenizer), *head_problems(files, tied=bool(config.tie_word_embeddings))]
    problems += _config_problems(config, tensors)
    try:
        projector = projector_from(tensors, 1, width)
    except ModelError as error:
        problems += error.problems
    if problems:
        raise ModelError(f"{folder}: the checkpoint does not have the structure of an xRAG model", problems=problems)
    placeholder_id = int(tokenizer.convert_tokens_to_ids(PLACEHOLDER))
    info = BridgeInfo(
        encoder=f"width-{projector.dim}",  # the checkpoint states the width of the vectors, not the encoder's name
        decoder="xrag",
        dim=projector.dim,
        width=width,
        hidden=tensors[TENSORS[0]].shape[0],
        n_soft=1,
        template=CHAT,
        placeholder_id=placeholder_id,
        adapter_rank=0,
        max_text_tokens=180,  # `retrieval_context_length` in the training configuration of xRAG
        steps=0,
    )
    hashes = {name: sha256_array(tensors[name].float().numpy()) for name in TENSORS}
    hashed = {"info": info.model_dump(mode="json"), "paraphrases": list(PARAPHRASES), "tensors": hashes}
    templates = tuple(Paraphrase(text, 1, placeholder_id) for text in PARAPHRASES)
    return CheckpointBridge(info, projector, {}, sha256_json(hashed), templates)


def _config_and_tokenizer(folder: Path) -> tuple[Any, Any]:
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, ImportError) as error:
        raise ModelError(f"{folder}: config.json cannot be read ({type(error).__name__})") from error
    return config, load_tokenizer(folder)


def _token_problems(config: Any, tokenizer: Any) -> list[str]:
    problems = []
    token_id, stated = tokenizer.get_vocab().get(PLACEHOLDER), getattr(config, "xrag_token_id", None)
    if token_id is None:
        problems.append(f"{PLACEHOLDER}: the tokenizer has no token of this name")
    elif stated is not None and stated != token_id:
        different = f"has id {token_id} in the tokenizer, but xrag_token_id in config.json is {stated}"
        problems.append(f"{PLACEHOLDER}: {different}")
    if tokenizer.bos_token_id is None:
        problems.append("<s>: the tokenizer defines no token for the beginning of a text")
    return problems


def _config_problems(config: Any, tensors: dict[str, Tensor]) -> list[str]:
    problems = []
    stated, kind = getattr(config, "retriever_hidden_size", None), getattr(config, "projector_type", KIND)
    dim = tensors[TENSORS[0]].shape[-1] if TENSORS[0] in tensors else stated  # dimension of the vectors
    if stated is None:
        problems.append("config.json: retriever_hidden_size is missing")
    elif dim != stated:
        problems.append(f"{TENSORS[0]}: takes {dim} numbers, but retriever_hidden_size in config.json is {stated}")
    if kind != KIND:
        problems.append(f"config.json: projector_type {kind!r} is not supported; only {KIND!r} is supported")
    return problems


def tensor_files(folder: Path) -> dict[str, Path]:
    """Return the file (shard) of each tensor of a checkpoint, by the name of the tensor.

    Raises:
        ModelError: the index is damaged, or shards or tensors are missing. The error lists all problems.
    """
    if not (folder / INDEX).is_file():
        return dict.fromkeys(_names(folder / SINGLE), folder / SINGLE)
    try:
        shards = json.loads(read_regular(folder / INDEX))["weight_map"]
        named = {str(name): folder / str(shard) for name, shard in shards.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{folder / INDEX}: cannot be read as an index; `weight_map` must give the file of each tensor"
        raise ModelError(message, hint="Fetch the files of the checkpoint again.") from error
    problems = []
    for shard in sorted(set(named.values())):
        expected = sorted(name for name, file in named.items() if file == shard)
        if shard.parent != folder or shard.suffix != ".safetensors":
            problems.append(f"{expected[0]}: its file {shard.name} is not a safetensors file in this folder")
        elif not shard.is_file():
            problems.append(f"{expected[0]}: its file {shard.name} ({len(expected)} tensors) is missing")
        else:
            missing = sorted(set(expected) - _names(shard))
            problems += [f"{name}: missing in {shard.name}, although the index places it there" for name in missing]
    if problems:
        hint = "Fetch the files of the checkpoint again."
        raise ModelError(f"{folder}: the checkpoint is incomplete", problems=problems, hint=hint)
    return named


def read_tensors(files: Mapping[str, Path], names: Iterable[str]) -> dict[str, Tensor]:
    """Return the named tensors; names that are not in `files` are omitted."""
    tensors = {}
    for name in filter(files.__contains__, names):
        with safe_open(files[name], framework="pt") as file:
            tensors[name] = file.get_tensor(name)
    return tensors


def head_problems(files: Mapping[str, Path], *, tied: bool) -> list[str]:
    """Return contradictions between the output head of a Llama or Mistral checkpoint and its configuration.

    With a contradiction, transformers would initialize a random head or ignore the stored head. `tied` states
    whether the head has the weights of the input embeddings (`tie_word_embeddings`).
    """
    if not tied:
        missing = f"{HEAD}: this tensor is missing, but `tie_word_embeddings` in config.json is false"
        return [] if HEAD in files else [missing]
    pair = read_tensors(files, (TABLE, HEAD))
    if not pair:
        return [f"{TABLE}: this tensor is missing"]
    if len(pair) == 2 and not equal(pair[TABLE], pair[HEAD]):
        return [f"{HEAD}: differs from {TABLE}, but `tie_word_embeddings` in config.json is true"]
    return []


def _names(path: Path) -> frozenset[str]:
    try:
        with safe_open(path, framework="pt") as file:
            return frozenset(file.keys())
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: cannot be read as safetensors", hint="Fetch the file again.") from error

"""xRAG as published: a checkpoint that holds its own projector, asked in paraphrase prompts of Mistral's chat form.

Such a folder (`Hannibal046/xrag-7b`) is a Mistral causal language model whose state dict also holds
`projector.projector.{0,2}.{weight,bias}`, and whose tokenizer knows the placeholder `<xRAG>`.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from synthgen.core.digest import sha256_array, sha256_json
from synthgen.core.errors import ModelError
from synthgen.decode.bridge import Bridge, BridgeInfo
from synthgen.decode.checkpoint import head_problems, read, stored
from synthgen.decode.loading import Dtype
from synthgen.decode.projector import Projector, projector_from

PLACEHOLDER = "<xRAG>"
MARK = "[X]"  # stands for the vector in the paper's prompts, and in ours until they are filled
CHAT = "[INST] {words} [/INST]"
TENSORS = tuple(f"projector.projector.{layer}.{part}" for layer in (0, 2) for part in ("weight", "bias"))
KIND = "mlp2x_gelu"  # config.json's projector_type for two layers with a GELU between
# Our own wording of the paper's kind: each says that the vector's text and the text to be written mean the same.
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
# Plain sentences of no one's records, on which an encoder's raw length is measured.
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
    """A paraphrase prompt in Mistral's chat form.

        <s>[INST] {words} [/INST],   words = the user's prompt, if any, on a line of its own, then the paraphrase

    The whole is made tokens of at once, as in training: a tokenizer of this family splits a text's beginning
    otherwise than its middle.

    Args:
        text: a paraphrase that holds `[X]` once.
        n_soft: placeholders that stand for the vector, one in xRAG.
        placeholder_id: the placeholder's token id.
    """

    text: str
    n_soft: int
    placeholder_id: int

    def tokens(self, tokenizer: Any, prompt: str) -> list[int]:
        """Return the token ids of the filled prompt.

        Raises:
            ModelError: when it does not hold the placeholder exactly n_soft times; a user's prompt may hold it too.
        """
        filled = self.text.replace(MARK, " ".join([PLACEHOLDER] * self.n_soft))
        words = f"{prompt}\n{filled}" if prompt else filled
        ids = list(tokenizer(CHAT.format(words=words), add_special_tokens=False).input_ids)
        if ids.count(self.placeholder_id) != self.n_soft:
            raise ModelError(
                f"a prompt holds {PLACEHOLDER} {ids.count(self.placeholder_id)} times, wanted {self.n_soft}",
                hint=f"Neither decode.prompt nor a label may hold {PLACEHOLDER}.",
            )
        return [int(tokenizer.bos_token_id), *ids]


@dataclass(frozen=True, slots=True)
class CheckpointBridge(Bridge):
    """A bridge that lies inside its language model's checkpoint.

    Args:
        templates: the prompts to choose from, one for each record.
        raw_length: the length its encoder's vectors have before they are scaled to one; measured, not stored.
        dtype: the language model is read in.
    """

    templates: tuple[Paraphrase, ...]
    raw_length: float | None = None
    dtype: Dtype = "bfloat16"

    def check_fit(self, *, dim: int, width: int) -> None:
        """Raise ModelError unless the projector takes these vectors and gives embeddings this wide."""
        problems = [
            f"{name}: {verb} {wanted} numbers, {what} {got}"
            for name, verb, wanted, what, got in (
                (TENSORS[0], "takes", self.info.dim, "the encoder's vectors have", dim),
                (TENSORS[2], "gives", self.info.width, "the model's embeddings have", width),
            )
            if wanted != got
        ]
        if problems:
            raise ModelError(
                "the model's own projector does not fit",
                problems=problems,
                hint="Set embed.model to the encoder it was trained with; for xrag-7b, SFR-Embedding-Mistral.",
            )


class AtLength(nn.Module):
    """A projector that was trained on vectors as an encoder gives them, before they are scaled to unit length.

        soft = W2 gelu(W1 x + b1) + b2,   x = length v / |v|

    Published encoders of this kind end in a norm layer, so their raw lengths differ little from text to text; one
    typical length stands for all, and gives interpolated vectors, which are shorter, the length of real ones.

    Args:
        projector: the layers.
        raw_length: the typical length.

    Raises:
        ModelError: when the length is not a positive number.

    Source: Cheng et al., xRAG, 2024 (arXiv 2405.13792v2), section 3.2. We differ in the one length for all vectors.
    """

    def __init__(self, projector: Projector, raw_length: float | None) -> None:
        super().__init__()
        if raw_length is None or not math.isfinite(raw_length) or raw_length <= 0:
            raise ModelError(f"a published projector needs its encoder's raw length, a positive number: {raw_length}")
        self.projector, self.raw_length = projector, raw_length

    def forward(self, vectors: Tensor) -> Tensor:
        """Return soft tokens (n, n_soft, width) for vectors (n, dim) of any length."""
        x = functional.normalize(vectors, dim=-1) * self.raw_length
        made: Tensor = self.projector.projector(x)
        return made.view(-1, self.projector.n_soft, self.projector.width)


def load_checkpoint_bridge(folder: Path) -> CheckpointBridge:
    """Return the bridge inside a checkpoint of xRAG's layout; the language model itself is not loaded.

    Raises:
        ModelError: listing every tensor and token that is missing or contradicts the configuration: the projector's
            tensors and widths, the placeholder, the output head, the shards.
    """
    files = stored(folder)
    config, tokenizer = _described(folder)
    width = int(config.hidden_size)
    tensors = read(files, TENSORS)
    problems = [*_token_problems(config, tokenizer), *head_problems(files, tied=bool(config.tie_word_embeddings))]
    problems += _config_problems(config, tensors)
    try:
        projector = projector_from(tensors, 1, width)
    except ModelError as error:
        problems += error.problems
    if problems:
        raise ModelError(f"{folder}: not a checkpoint of xRAG's layout", problems=problems)
    placeholder_id = int(tokenizer.convert_tokens_to_ids(PLACEHOLDER))
    info = BridgeInfo(
        encoder=f"width-{projector.dim}",
        decoder="xrag",
        dim=projector.dim,
        width=width,
        hidden=tensors[TENSORS[0]].shape[0],
        n_soft=1,
        template=CHAT,
        placeholder_id=placeholder_id,
        adapter_rank=0,
        max_text_tokens=180,
        steps=0,
    )
    digest = sha256_json(
        {
            "info": info.model_dump(mode="json"),
            "paraphrases": list(PARAPHRASES),
            "tensors": {name: sha256_array(tensors[name].float().numpy()) for name in TENSORS},
        }
    )
    templates = tuple(Paraphrase(text, 1, placeholder_id) for text in PARAPHRASES)
    return CheckpointBridge(info, projector, {}, digest, templates)


def _described(folder: Path) -> tuple[Any, Any]:
    from transformers import AutoConfig, AutoTokenizer

    kept = {"local_files_only": True, "trust_remote_code": False}
    try:
        return AutoConfig.from_pretrained(folder, **kept), AutoTokenizer.from_pretrained(folder, **kept)
    except (OSError, ValueError, ImportError) as error:
        raise ModelError(
            f"{folder}: its configuration or tokenizer cannot be read ({type(error).__name__})"
        ) from error


def _token_problems(config: Any, tokenizer: Any) -> list[str]:
    problems = []
    known = tokenizer.get_vocab().get(PLACEHOLDER)
    said = getattr(config, "xrag_token_id", None)
    if known is None:
        problems.append(f"{PLACEHOLDER}: the tokenizer lacks the placeholder")
    elif said is not None and said != known:
        problems.append(f"{PLACEHOLDER}: token {known} of the tokenizer, config.json says xrag_token_id {said}")
    if tokenizer.bos_token_id is None:
        problems.append("<s>: the tokenizer names no beginning of text")
    return problems


def _config_problems(config: Any, tensors: dict[str, Tensor]) -> list[str]:
    problems = []
    said, kind = getattr(config, "retriever_hidden_size", None), getattr(config, "projector_type", KIND)
    first = tensors.get(TENSORS[0])
    if said is None:
        problems.append("config.json: retriever_hidden_size is missing")
    elif first is not None and first.shape[-1] != said:
        problems.append(
            f"{TENSORS[0]}: takes {first.shape[-1]} numbers, config.json says retriever_hidden_size {said}"
        )
    if kind != KIND:
        problems.append(f"config.json: projector_type {kind!r}, only {KIND!r} is known")
    return problems

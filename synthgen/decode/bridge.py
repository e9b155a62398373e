"""Load a bridge: trained tensors with which a language model writes a text from a vector of an encoder.

A bridge contains a projector, which maps the vector to soft tokens (input embeddings of the language model), and
low-rank adapters of the language model. It can also contain a vocabulary of words that describe a vector in a prompt.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from synthgen.core.digest import sha256_bytes, sha256_file
from synthgen.core.errors import ModelError, ModelMissing
from synthgen.core.files import read_bytes
from synthgen.decode.projector import Projector, projector_from
from synthgen.decode.prompt_words import FILE as VOCABULARY
from synthgen.decode.prompt_words import GET_AGAIN, WordReader, load_words
from synthgen.decode.prompts import Template

WEIGHTS = "bridge.safetensors"
DESCRIPTION = "bridge.json"
BUILTIN = Path(__file__).parent / "builtin"


class BridgeInfo(BaseModel):
    """Description of a bridge: its encoder, its language model, and its shape."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = Field(default=1, ge=1, le=1)
    encoder: str
    decoder: str  # name of the language model
    dim: int = Field(ge=1)  # dimension of the vectors of the encoder
    width: int = Field(ge=1)  # dimension of the input embeddings of the language model
    hidden: int = Field(ge=1)  # width of the hidden layer of the projector
    n_soft: int = Field(ge=1)  # number of soft tokens per vector
    template: str  # the model's input before a text, with the fields `{prompt}` and `{vector}`
    placeholder_id: int = Field(ge=0)  # id of the token that stands for a soft token in the prompt
    adapter_rank: int = Field(ge=0)  # 0 without adapters
    adapter_targets: tuple[str, ...] = ()  # names of the layers that have an adapter
    max_text_tokens: int = Field(ge=1)  # largest number of tokens of a training text
    steps: int = Field(ge=0)  # number of training steps

    def parsed_template(self) -> Template:
        """Return the template; raise ModelError unless it contains `{prompt}` once and `{vector}` once."""
        return Template(self.template, self.n_soft, self.placeholder_id)


@dataclass(frozen=True, slots=True)
class Bridge:
    """A loaded bridge."""

    info: BridgeInfo
    projector: Projector  # maps vectors (n, dim) to soft tokens (n, n_soft, width), float32
    adapters: dict[str, Tensor]  # name in the file -> low-rank tensor, to be merged into the language model
    digest: str  # SHA-256 over the files
    reader: WordReader | None = field(default=None, kw_only=True)  # chooses prompt words; None without a vocabulary


def _expand(path: str) -> Path:
    return Path(path).expanduser()


def _files(name: str, resolve: Callable[[str], Path], files: tuple[str, str], what: str, hint: str) -> list[Path]:
    """Return the paths of two files of a bridge; raise ModelMissing (which names `what`) if one is missing."""
    folder = BUILTIN if name == "builtin" else resolve(name)
    if missing := [file for file in files if not (folder / file).is_file()]:
        raise ModelMissing(f"{folder}: contains no {what} (missing files: {', '.join(missing)})", hint=hint)
    return [folder / file for file in files]


def load_bridge(name: str, resolve: Callable[[str], Path] = _expand) -> Bridge:
    """Return the built-in bridge if `name` is "builtin", and otherwise the bridge in the folder `resolve(name)`.

    Raises:
        ModelMissing: the folder contains no bridge.
        ModelError: a file is damaged, the template does not contain `{prompt}` and `{vector}` once each, a tensor is
            missing or has a wrong shape, or the vocabulary is for vectors of a dimension other than `dim`.
    """
    hint = "Use `bridge: builtin`, or train a bridge with `synthgen train-bridge CONFIG`."
    paths = _files(name, resolve, (DESCRIPTION, WEIGHTS), "bridge", hint)
    vocabulary, info = paths[0].with_name(VOCABULARY), _description(paths[0])
    info.parsed_template()  # raises if the template is invalid
    try:
        tensors: dict[str, Tensor] = load_file(paths[1])
    except (SafetensorError, OSError) as error:
        message = f"{paths[1]}: the file is damaged ({type(error).__name__})"
        raise ModelError(message, hint=GET_AGAIN) from error
    projector = projector_from(tensors, info.n_soft, info.width)
    if projector.dim != info.dim:
        takes = f"the tensor projector.projector.0.weight is for vectors of dimension {projector.dim}"
        raise ModelError(f"{paths[1]}: {takes}, but dim in {DESCRIPTION} is {info.dim}", hint=GET_AGAIN)
    adapters = {k: v for k, v in tensors.items() if k.startswith("adapter.")}
    reader = load_words(vocabulary) if vocabulary.is_file() else None
    if reader is not None and len(reader.centre) != info.dim:
        raise _other_dimension(vocabulary, reader, info)
    files = paths if reader is None else [*paths, vocabulary]
    digest = sha256_bytes("".join(sha256_file(p) for p in files).encode())
    return Bridge(info, projector, adapters, digest, reader=reader)


def _description(path: Path) -> BridgeInfo:
    try:
        return BridgeInfo.model_validate_json(read_bytes(path))
    except ValidationError as error:
        problems = [".".join(map(str, e["loc"])) + ": " + e["msg"] for e in error.errors()]
        raise ModelError(f"{path}: not a valid description of a bridge", problems=problems, hint=GET_AGAIN) from None


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The vocabulary of a bridge without the tensors of the bridge, for `decode.writer: prompt`."""

    encoder: str  # name of the encoder of the vocabulary's vectors
    reader: WordReader
    digest: str  # SHA-256 of the file


def load_vocabulary(name: str, resolve: Callable[[str], Path] = _expand, *, encoder: str) -> Vocabulary:
    """Return the vocabulary of a bridge; for `name` and `resolve`, see `load_bridge`.

    Raises:
        ModelMissing: the folder contains no vocabulary.
        ModelError: a file is damaged, or the vocabulary was made for a different encoder than `encoder`.
    """
    hint = "Omit decode.bridge, or run `synthgen train-bridge CONFIG` with the section `vocabulary` in CONFIG."
    paths = _files(name, resolve, (DESCRIPTION, VOCABULARY), "vocabulary", hint)
    info, reader = _description(paths[0]), load_words(paths[1])
    if len(reader.centre) != info.dim:
        raise _other_dimension(paths[1], reader, info)
    if info.encoder != encoder:
        made = f"the vocabulary was made for the encoder {info.encoder!r}"
        hint = "Set decode.bridge to the folder of a bridge for this encoder."
        raise ModelError(f"{paths[1]}: {made}, but embed.model is {encoder!r}", hint=hint)
    return Vocabulary(info.encoder, reader, sha256_file(paths[1]))


def _other_dimension(path: Path, reader: WordReader, info: BridgeInfo) -> ModelError:
    fits = f"the vocabulary is for vectors of dimension {len(reader.centre)}"
    return ModelError(f"{path}: {fits}, but dim in {DESCRIPTION} is {info.dim}", hint=GET_AGAIN)


def check_fit(info: BridgeInfo, *, encoder: str, dim: int, decoder: str, width: Any) -> None:
    """Raise ModelError unless the bridge was trained for this encoder, this decoder and their dimensions."""
    names = ("encoder", "numbers per vector", "language model", "numbers per embedding of the language model")
    trained_for = (info.encoder, info.dim, info.decoder, info.width)
    if problems := [
        f"{name}: {expected} in the training of the bridge, {found} in this configuration"
        for name, expected, found in zip(names, trained_for, (encoder, dim, decoder, width), strict=True)
        if expected != found
    ]:
        hint = "Use the models of the bridge, or train a bridge for these models with `synthgen train-bridge CONFIG`."
        raise ModelError(
            "the bridge was not trained for the models of this configuration", problems=problems, hint=hint
        )

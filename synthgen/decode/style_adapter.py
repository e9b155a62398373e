"""Load style adapters: low-rank adapters with which a bridge writes in the style of certain training texts.

A bridge is a set of trained tensors with which a language model writes a text from a vector.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from audits.core.files import read_regular
from synthgen.core.digest import sha256_bytes, sha256_file, sha256_json
from synthgen.core.errors import ModelError, ModelMissing
from synthgen.decode.bridge import Bridge
from synthgen.decode.config import PLAIN
from synthgen.decode.learnt import LEARNT, Digests, read_learnt
from synthgen.decode.train.adapters import merge

WEIGHTS = "style.safetensors"
CARD = "style.json"
NAME = r"[a-z][a-z0-9-]{0,39}"  # pattern of the name of a style
BUILT_IN_STYLES = Path(__file__).parent / "styles"
_PROJECTOR = "adapter.projector."  # prefix of the tensors that adapt the projector instead of the language model


class StyleSource(BaseModel):
    """A data set on which a style adapter was trained."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    licence: str
    passages: int = Field(ge=1)  # number of pieces of texts on which the adapter was trained


class StyleCard(BaseModel):
    """Description of a style adapter and its training."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = Field(default=1, ge=1, le=1)
    name: str = Field(pattern=f"^{NAME}$")
    bridge: str  # digest of the bridge that the style extends
    rank: int = Field(ge=1)
    steps: int = Field(ge=0)
    sources: tuple[StyleSource, ...]
    heldout_before: float  # loss (nats per token) on held-out passages before the training
    heldout_after: float  # loss (nats per token) on these passages after the training
    samples: tuple[str, ...] = ()  # texts in the style, from held-out vectors; empty until the training ends


@dataclass(frozen=True, slots=True)
class StyleAdapter:
    """A loaded style adapter."""

    card: StyleCard
    tensors: Mapping[str, Tensor]  # low-rank tensors by stored name
    digest: str  # SHA-256 over the files
    learnt: Digests  # digests of the training sentences


def built_in_styles() -> tuple[str, ...]:
    """Return the names of the built-in styles; the first is `plain`, which means no adapter."""
    return (PLAIN, *sorted(folder.parent.name for folder in BUILT_IN_STYLES.glob(f"*/{CARD}")))


def is_built_in(style: StyleAdapter) -> bool:
    """Return whether a style is identical to the built-in style of the same name."""
    return style.card.name in built_in_styles() and load_style(style.card.name, Path).digest == style.digest


def load_style(name: str, resolve: Callable[[str], Path]) -> StyleAdapter:
    """Return the built-in style `name` or, if there is none, the style in the folder `resolve(name)`.

    Raises:
        ModelMissing: the style does not exist.
        ModelError: a file is damaged.
    """
    folder = BUILT_IN_STYLES / name if name in built_in_styles() else resolve(name)
    paths = (folder / CARD, folder / WEIGHTS, folder / LEARNT)
    if missing := [path.name for path in paths if not path.is_file()]:
        message = f"decode.style: the style {name!r} does not exist or lacks files: {', '.join(missing)}"
        hint = f"Use one of {', '.join(built_in_styles())}, or train a style with `synthgen train-bridge --style`."
        raise ModelMissing(message, hint=hint)
    try:
        card = StyleCard.model_validate_json(read_regular(paths[0]))
        tensors = load_file(paths[1])
    except (ValidationError, SafetensorError, OSError) as error:
        raise ModelError(
            f"{folder}: the style is damaged ({type(error).__name__})", hint="Train the style again."
        ) from None
    digest = sha256_bytes("".join(sha256_file(path) for path in paths).encode())
    return StyleAdapter(card, tensors, digest, read_learnt(folder))


def in_style(bridge: Bridge, shares: Sequence[tuple[StyleAdapter, float]]) -> Bridge:
    """Return a bridge that writes in a mixture of styles; `shares` contains each style with its weight share_m.

        W + B · A   becomes   W + B · A + Σ_m share_m · B_m · A_m

    W is a weight matrix, B · A the bridge's low-rank adapter, and B_m · A_m the adapter of style m. For each layer of
    the language model, the result has one adapter: A stacked with all A_m, and B stacked with all share_m · B_m. For
    the projector, the sum over m is added to W.

    Raises:
        ModelError: a style was trained for a different bridge, or does not fit the bridge's layers.
    """
    if not shares:
        return bridge
    if other := sorted({style.card.name for style, _ in shares if style.card.bridge != bridge.digest}):
        hint = "Set decode.bridge to the bridge that the style was trained for, or train the style again."
        raise ModelError(
            f"decode.style: these styles were not trained for the bridge of this run: {', '.join(other)}", hint=hint
        )
    projector, adapters = deepcopy(bridge.projector), dict(bridge.adapters)
    for style, share in shares:
        scaled = {n: t.float() * share if n.endswith(".up") else t.float() for n, t in style.tensors.items()}
        merge(projector, {name: tensor for name, tensor in scaled.items() if name.startswith(_PROJECTOR)})
        for name, tensor in scaled.items():
            if not name.startswith(_PROJECTOR):
                adapters[name] = _stacked(adapters.get(name), tensor, name)
    rank = bridge.info.adapter_rank + sum(style.card.rank for style, _ in shares)
    info = bridge.info.model_copy(update={"adapter_rank": rank})
    digest = sha256_json([bridge.digest, [[style.digest, share] for style, share in shares]])
    return Bridge(info, projector, adapters, digest, reader=bridge.reader)


def _stacked(of_bridge: Tensor | None, of_style: Tensor, name: str) -> Tensor:
    if of_bridge is None:
        return of_style
    axis = 1 if name.endswith(".up") else 0  # axis of the rank: second axis of B (`up`), first axis of A (`down`)
    if of_bridge.ndim != of_style.ndim or of_bridge.shape[1 - axis] != of_style.shape[1 - axis]:
        shapes = f"shape {tuple(of_style.shape)} in the style, {tuple(of_bridge.shape)} in the bridge"
        hint = "Train the style again for this bridge."
        raise ModelError("the style does not fit the bridge", problems=[f"{name}: {shapes}"], hint=hint)
    return torch.cat([of_bridge.float(), of_style], dim=axis)

"""A style of writing: small adapters beside a bridge's own, trained on text of one kind."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from synthgen.core.digest import sha256_bytes, sha256_file, sha256_json
from synthgen.core.errors import ModelError, ModelMissing
from synthgen.decode.bridge import Bridge
from synthgen.decode.config import PLAIN
from synthgen.decode.learnt import LEARNT, Digests, read_learnt
from synthgen.decode.train.adapters import merge

WEIGHTS = "style.safetensors"
CARD = "style.json"
NAME = r"[a-z][a-z0-9-]{0,39}"
BUILT_IN_STYLES = Path(__file__).parent / "styles"
_PROJECTOR = "adapter.projector."  # of names of adapters beside the projector's layers, not the language model's


class StyleSource(BaseModel):
    """What a style was trained on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    licence: str
    passages: int = Field(ge=1)


class StyleCard(BaseModel):
    """What a style fits and how it was made.

    Args:
        bridge: digest of the bridge it stands beside.
        heldout_before, heldout_after: nats per token of passages that were kept back, each after its own vector.
        samples: texts written in it from vectors of passages that were kept back.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = Field(default=1, ge=1, le=1)
    name: str = Field(pattern=f"^{NAME}$")
    bridge: str
    rank: int = Field(ge=1)
    steps: int = Field(ge=0)
    sources: tuple[StyleSource, ...]
    heldout_before: float
    heldout_after: float
    samples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StyleAdapter:
    """A loaded style: its card, its low-rank tensors by layer, sha256 over its files, and what it learnt from."""

    card: StyleCard
    tensors: Mapping[str, Tensor]
    digest: str
    learnt: Digests


def built_in_styles() -> tuple[str, ...]:
    """Return the names of the styles that are shipped, the plain one first."""
    return (PLAIN, *sorted(folder.parent.name for folder in BUILT_IN_STYLES.glob(f"*/{CARD}")))


def is_built_in(style: StyleAdapter) -> bool:
    """Return whether a style is, to the byte, one that is shipped."""
    return style.card.name in built_in_styles() and load_style(style.card.name, Path).digest == style.digest


def load_style(name: str, resolve: Callable[[str], Path]) -> StyleAdapter:
    """Return a style of the shelf, or the one in a folder.

    Args:
        name: of the configuration; a name of the shelf, or a path.
        resolve: returns the folder of a path in the configuration.

    Raises:
        ModelMissing: there is none.
        ModelError: a file is damaged.
    """
    folder = BUILT_IN_STYLES / name if name in built_in_styles() else resolve(name)
    paths = (folder / CARD, folder / WEIGHTS, folder / LEARNT)
    if missing := [path.name for path in paths if not path.is_file()]:
        raise ModelMissing(
            f"decode.style: {name!r} is no style of the shelf, and no folder of one ({', '.join(missing)} missing)",
            hint=f"Name one of {', '.join(built_in_styles())}, or train one with `synthgen train-bridge --style`.",
        )
    try:
        card = StyleCard.model_validate_json(paths[0].read_bytes())
        tensors = load_file(paths[1])
    except (ValidationError, SafetensorError, OSError) as error:
        raise ModelError(f"{folder}: a damaged style ({type(error).__name__})", hint="Train it again.") from None
    digest = sha256_bytes("".join(sha256_file(path) for path in paths).encode())
    return StyleAdapter(card, tensors, digest, read_learnt(folder))


def in_style(bridge: Bridge, shares: Sequence[tuple[StyleAdapter, float]]) -> Bridge:
    """Return a bridge that writes in a style, or between several.

        W + B A  becomes  W + B A + sum over styles m of share_m B_m A_m

    The adapters of the language model stand side by side, so the result is a bridge like any other, of a higher rank;
    those of the projector are added to its weights.

    Raises:
        ModelError: a style was trained beside another bridge, or does not fit its layers.
    """
    if not shares:
        return bridge
    if other := sorted({style.card.name for style, _ in shares if style.card.bridge != bridge.digest}):
        raise ModelError(
            f"decode.style: {', '.join(other)} was trained beside another bridge",
            hint="Leave decode.bridge at what it was trained with, or train the style again.",
        )
    projector, adapters = deepcopy(bridge.projector), dict(bridge.adapters)
    for style, share in shares:
        scaled = {n: t.float() * share if n.endswith(".up") else t.float() for n, t in style.tensors.items()}
        merge(projector, {name: tensor for name, tensor in scaled.items() if name.startswith(_PROJECTOR)})
        for name, tensor in scaled.items():
            if not name.startswith(_PROJECTOR):
                adapters[name] = _beside(adapters.get(name), tensor, name)
    rank = bridge.info.adapter_rank + sum(style.card.rank for style, _ in shares)
    info = bridge.info.model_copy(update={"adapter_rank": rank})
    digest = sha256_json([bridge.digest, [[style.digest, share] for style, share in shares]])
    return Bridge(info, projector, adapters, digest, words=bridge.words)


def _beside(own: Tensor | None, more: Tensor, name: str) -> Tensor:
    """Return both along the rank, which is the second axis of `up` and the first of `down`."""
    if own is None:
        return more
    axis = 1 if name.endswith(".up") else 0
    if own.ndim != more.ndim or own.shape[1 - axis] != more.shape[1 - axis]:
        raise ModelError("the style does not fit the bridge", problems=[name])
    return torch.cat([own.float(), more], dim=axis)

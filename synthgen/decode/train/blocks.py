"""What each text by itself says of how much of each style should be in each block of the language model."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from threading import local

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from synthgen.core.errors import ModelError
from synthgen.core.types import Float32
from synthgen.decode.bridge import Bridge
from synthgen.decode.likelihood import Likelihood
from synthgen.decode.loading import Loaded
from synthgen.decode.style_adapter import PROJECTOR, StyleAdapter, block_of, blocks_of
from synthgen.decode.train.head import frozen_head_loss

BATCH = 16  # texts read at once


class _Shares(local):
    """The shares that one model's layers read in, a row for each text of the thread's batch; None for no style."""

    each: Tensor | None = None


class _Beside(nn.Module):
    """A frozen linear layer and the low-rank ones of several styles, each text with shares of its own.

        y_i = W x_i + sum over styles m of θ_{i, m} B_m (A_m x_i)

    Args:
        base: W.
        tensors: of the styles, their A and B for this layer.
        places: of the styles, which of a text's shares is theirs here.
        shares: of the batch.
    """

    def __init__(
        self, base: nn.Linear, tensors: Sequence[tuple[Tensor, Tensor]], places: Sequence[int], shares: _Shares
    ) -> None:
        super().__init__()
        self.base, self.shares = base, shares
        at = base.weight
        self.down = torch.cat([down for down, _ in tensors]).to(at)
        self.up = torch.cat([up for _, up in tensors], dim=1).to(at)
        ranks = [len(down) for down, _ in tensors]
        self.places = torch.tensor(np.repeat(places, ranks), device=at.device)

    def forward(self, x: Tensor) -> Tensor:
        """Return y for the batch x, (n, ..., in)."""
        if self.shares.each is None:
            return self.base(x)  # type: ignore[no-any-return]
        own = self.shares.each[:, self.places]
        own = own.view(len(own), *[1] * (x.ndim - 2), own.shape[1])
        low = functional.linear(x, self.down).float() * own
        return self.base(x) + functional.linear(low.to(x.dtype), self.up)  # type: ignore[no-any-return]


class BlockGradients(Likelihood):
    """A language model whose styles have shares in each block, and the gradient of each text for these.

    Args:
        loaded: the model and its tokenizer; nothing else may use it after.
        bridge: without a style; it stays as it is.
        styles: m, trained beside it.
        batch: texts read at once.

    Raises:
        ModelError: when a style does not fit the model's layers.
    """

    def __init__(self, loaded: Loaded, bridge: Bridge, styles: Sequence[StyleAdapter], *, batch: int = BATCH) -> None:
        super().__init__(loaded, replace(bridge, projector=deepcopy(bridge.projector)), batch=batch)
        self.model.requires_grad_(requires_grad=False)
        self.blocks, self.most_tokens = blocks_of(styles), bridge.info.max_text_tokens
        self.dimension = len(styles) * len(self.blocks)
        self._shares = _Shares()
        roots: dict[bool, nn.Module] = {False: self.model}
        if self.projector is not None:
            roots[True] = self.projector.requires_grad_(requires_grad=False)
        for path in sorted({name.rpartition(".")[0] for style in styles for name in style.tensors}):
            self._attach(roots[block_of(f"{path}.") == PROJECTOR], path, styles)

    def _attach(self, root: nn.Module, path: str, styles: Sequence[StyleAdapter]) -> None:
        """Put the styles' low-rank layers beside one layer."""
        inside, _, name = path.removeprefix("adapter.").rpartition(".")
        holder = dict(root.named_modules()).get(inside)
        base = None if holder is None else getattr(holder, name, None)
        with_it = [m for m, style in enumerate(styles) if f"{path}.down" in style.tensors]
        tensors = [_pair(styles[m].tensors, path) for m in with_it]
        if holder is None or not isinstance(base, nn.Linear) or not all(_fits(base, *pair) for pair in tensors):
            raise ModelError("the styles do not fit the language model", problems=[path])
        block = self.blocks.index(block_of(f"{path}."))
        setattr(holder, name, _Beside(base, tensors, [m * len(self.blocks) + block for m in with_it], self._shares))

    def gradients(
        self, shares: NDArray[np.float64], texts: Sequence[str], vectors: Float32, prompts: Sequence[str]
    ) -> NDArray[np.float64]:
        """Return the gradient of each text's mean nats per token for the shares, float64 (n, m k).

            ∇_i = ∂/∂θ ( - sum over t of log p(text_it | frame_i, text_i<t; θ) / tokens_i )   at θ = shares

        of a text's first `most_tokens` tokens, in the frame of its own vector and prompt; 0 of a text without tokens.
        One backward pass gives those of a batch: each text has a copy of the shares, and nothing else is shared.

        Args:
            shares: float64 (m k), style after style.
            texts: n.
            vectors: float32 (n, d).
            prompts: n.

        Privacy: a row depends on its own text alone, but for the last bits, which the company of others rounds.
        Cost: a pass forward and one back for each text.
        """
        tokenized = (self.tokenizer(text, add_special_tokens=False).input_ids for text in texts)
        said = [list(ids)[: self.most_tokens] for ids in tokenized]
        frames = self._frames(len(texts), prompts, with_vector=True)
        found = np.zeros((len(texts), self.dimension))
        read = [i for i, ids in enumerate(said) if ids]

        def gradients_of(batch: list[int]) -> NDArray[np.float64]:
            rows = [read[i] for i in batch]
            tokens = np.array([len(said[i]) for i in rows])
            summed = self._of_batch(shares, [frames[i] for i in rows], [said[i] for i in rows], vectors[rows])
            return np.asarray(summed / tokens[:, None])

        def keep(batch: list[int], rows: NDArray[np.float64]) -> None:
            found[[read[i] for i in batch]] = rows

        self._each_batch([len(frames[i]) + len(said[i]) for i in read], gradients_of, keep)
        return found

    def _of_batch(
        self, shares: NDArray[np.float64], frames: list[list[int]], said: list[list[int]], vectors: Float32
    ) -> NDArray[np.float64]:
        """Return the gradient of each text's nats, all tokens together."""
        start = torch.tensor(shares, dtype=torch.float32, device=self.device)
        each = start.expand(len(said), -1).clone().requires_grad_()
        self._shares.each = each
        try:
            soft = (
                None if self.projector is None else self.projector(torch.from_numpy(vectors.copy()).to(self.device))
            )
            hidden, targets, _ = self._predicting(frames, said, soft)
            total = frozen_head_loss(hidden, self.model.get_output_embeddings().weight, targets)
            (grad,) = torch.autograd.grad(total, each)
        finally:
            self._shares.each = None
        return np.asarray(grad.double().cpu().numpy())


def _pair(tensors: Mapping[str, Tensor], path: str) -> tuple[Tensor, Tensor]:
    return tensors[f"{path}.down"], tensors[f"{path}.up"]


def _fits(base: nn.Linear, down: Tensor, up: Tensor) -> bool:
    return down.shape == (up.shape[1], base.in_features) and len(up) == base.out_features

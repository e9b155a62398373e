"""The decode loop: rows of a fixed batch, each at its own place; one that is done makes way for the next at once."""

from collections import deque
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synthgen.core.errors import ModelError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Float32
from synthgen.decode.base import Settings
from synthgen.decode.loop.generic import GenericStepper
from synthgen.decode.loop.llama import LlamaStepper, LlamaWeights, has_stepper
from synthgen.decode.loop.sampling import sample

WANTED = 3.0  # e^3: a word of one in a thousand is then written within a note, and not twice
Ask = Callable[[Sequence[int]], tuple[Tensor, Tensor]]


class Stepper(Protocol):
    """A forward pass that reads prompts in groups of one size and steps the rows of a batch."""

    continuous: bool  # whether a row of the batch can be replaced while the others go on
    batch: int
    group: int
    sizes: tuple[int, ...]  # rows a step may have, falling from the batch, all to the same bits
    shared: int  # tokens that all prompts begin with, read once

    def embed(self, ids: Tensor) -> Tensor:
        """Return input embeddings of token ids."""
        ...

    def begin(self, embeddings: Tensor) -> None:
        """Read what all prompts begin with (p, width); they are then given without it."""
        ...

    def read(self, embeddings: Tensor, lengths: Tensor) -> Tensor:
        """Read a group of prompts (group, t, width), padded on the right; return the logits after each."""
        ...

    def seat(self, rows: Tensor, prompts: Tensor) -> None:
        """Let rows of the batch go on from prompts of the group read last."""
        ...

    def move(self, rows: Tensor, to: Tensor) -> None:
        """Let rows of the batch take the places of others."""
        ...

    def step(self, ids: Tensor, positions: Tensor) -> Tensor:
        """Append one token to each of the first rows of the batch at its position; return the next logits."""
        ...


@dataclass(frozen=True, slots=True)
class TokenConstraints:
    """What a model may write.

    Args:
        ends: tokens that end a text.
        never: int64, tokens never written.
        wanted: of each latent, tokens that are `WANTED` nats likelier until they are written; empty for none at all.
    """

    ends: frozenset[int]
    never: Tensor
    wanted: Sequence[Sequence[int]] = ()


def weights_of(model: Any, *, on_one_device: bool) -> LlamaWeights | None:
    """Return a model's weights as a stepper of our own multiplies them, or None where it has none of its own.

    Args:
        model: a causal language model, adapters merged; see `LlamaWeights` for what becomes of it.
        on_one_device: whether all of it lies on one device.
    """
    return LlamaWeights(model) if on_one_device and has_stepper(model.config) else None


def stepper_of(model: Any, weights: LlamaWeights | None, *, batch: int, prompt: int, length: int) -> Stepper:
    """Return the stepper for a model: the one of our own where it has weights for it.

    Raises:
        ModelError: when so many tokens, prompt and new ones together, do not fit the model.
    """
    limit = int(getattr(model.config, "max_position_embeddings", 0) or 1 << 30)
    if length > limit:
        raise ModelError(f"prompt and new tokens need {length} of {limit} positions")
    if weights is None:
        return GenericStepper(model, batch)
    return LlamaStepper(weights, batch=batch, prompt=prompt, length=length)


def padded(prompts: Sequence[Sequence[int]], length: int) -> tuple[Tensor, Tensor]:
    """Return ids (n, length) padded with 0 on the right, and the length of each."""
    ids = torch.zeros(len(prompts), length, dtype=torch.long)
    for row, prompt in enumerate(prompts):
        ids[row, : len(prompt)] = torch.as_tensor(prompt)
    return ids, torch.tensor([len(prompt) for prompt in prompts])


def shared_of(prompts: Sequence[Sequence[int]], special: AbstractSet[int]) -> int:
    """Return how many first tokens prompts share, up to the last special token among them; never all of a prompt.

    A tokenizer cuts a text at its special tokens before all else, so what stands behind the last one has no say in
    what stands before it: prompts that begin with the same text up to there have all of these tokens in common.
    """
    common = 0
    for same in zip(*prompts, strict=False):
        if len(set(same)) > 1:
            break
        common += 1
    common = min(common, min(map(len, prompts)) - 1)
    return max((at + 1 for at in range(common) if prompts[0][at] in special), default=0)


def uniforms_of(seeds: SeedTree, ids: Sequence[str], settings: Settings) -> Float32:
    """Return (rows, max_new_tokens) in [0, 1); each record draws from its own stream, by candidate."""
    shape = (settings.candidates, settings.max_new_tokens)
    made = np.zeros((len(ids), *shape), dtype=np.float32)
    for row, name in enumerate(ids):
        made[row] = seeds.child(name).generator().random(shape, dtype=np.float32)
    return made.reshape(-1, settings.max_new_tokens)


def write(
    stepper: Stepper,
    ask: Ask,
    uniforms: Float32,
    settings: Settings,
    rules: TokenConstraints,
    advance: Callable[[int], None],
) -> list[list[int]]:
    """Return the tokens of every row; the last one is an end, unless the limit cut the text.

    Row r is text r % candidates of latent r // candidates. A latent's texts all go on from one reading of its prompt.
    Prompts are read in groups of one size and rows stepped in a batch of one size, or of a smaller one that gives the
    same bits, and every number of a row is computed from that row alone: so its tokens depend on no other row.

    Args:
        stepper: the forward pass.
        ask: from numbers of latents to the embeddings (group, t, width) of their prompts, padded on the right, and
            lengths.
        uniforms: (rows, max_new_tokens), in [0, 1), what each token of each row is drawn by.
        settings: how texts are drawn.
        rules: which tokens end a text and which are never written.
        advance: told of every finished text, and of none before every step.

    Raises:
        ModelError: when the model's output is not finite.
    """
    loop = _Loop(stepper, ask, uniforms, settings, rules, advance)
    while loop.fill():
        loop.step()
    return loop.texts


class _Loop:
    """The state between two steps: who sits where, what each has written, which prompts wait to be gone on from."""

    def __init__(
        self,
        stepper: Stepper,
        ask: Ask,
        uniforms: Float32,
        settings: Settings,
        rules: TokenConstraints,
        advance: Callable[[int], None],
    ) -> None:
        self.stepper, self.ask, self.uniforms, self.settings, self.rules = stepper, ask, uniforms, settings, rules
        self.advance = advance
        self.per_prompt = settings.candidates if stepper.continuous else 1
        self.texts: list[list[int]] = [[] for _ in uniforms]
        self.n_read = 0  # prompts
        self.waiting: deque[tuple[int, int, int]] = deque()  # row, its prompt's number in the group, its length
        self.seated: dict[int, int] = {}  # seat to row
        self.size = stepper.batch  # rows of a step
        self.ids, self.positions = (np.zeros(stepper.batch, dtype=np.int64) for _ in range(2))

    def fill(self) -> bool:
        """Give free seats to waiting rows, reading prompts as needed; return whether anyone sits."""
        free = [seat for seat in range(self.stepper.batch) if seat not in self.seated]
        if not self.stepper.continuous and self.seated:
            return True
        while free and (self.waiting or self.n_read * self.per_prompt < len(self.texts)):
            if not self.waiting:
                self.read()
                continue
            taken = [self.waiting.popleft() for _ in range(min(len(free), len(self.waiting)))]
            if not self.stepper.continuous:
                free = [prompt for _, prompt, _ in taken]
            seats, free = free[: len(taken)], free[len(taken) :]
            self.stepper.seat(self.tensor(seats), self.tensor([prompt for _, prompt, _ in taken]))
            for seat, (row, _, length) in zip(seats, taken, strict=True):
                self.seated[seat], self.ids[seat], self.positions[seat] = row, self.texts[row][-1], length
        if not self.waiting and self.n_read * self.per_prompt == len(self.texts):
            self.close_up()
        return bool(self.seated)

    def close_up(self) -> None:
        """Let those who sit move together where a smaller step has room for them; nobody is to come any more."""
        size = min(size for size in self.stepper.sizes if size >= len(self.seated))
        movers = [seat for seat in self.seated if seat >= size]
        free = [seat for seat in range(size) if seat not in self.seated][: len(movers)]
        if movers:
            self.stepper.move(self.tensor(movers), self.tensor(free))
            self.ids[free], self.positions[free] = self.ids[movers], self.positions[movers]
            self.seated |= {to: self.seated.pop(seat) for seat, to in zip(movers, free, strict=True)}
        self.size = size

    def read(self) -> None:
        """Read the next group of prompts and draw the first token of each of their rows."""
        n, per = self.stepper.group, self.per_prompt
        rows = range(self.n_read * per, min((self.n_read + n) * per, len(self.texts)))
        latents = [row // self.settings.candidates for row in rows[::per]]
        embeddings, lengths = self.ask(latents + [latents[-1]] * (n - len(latents)))  # one shape always
        logits = self.stepper.read(embeddings, lengths).repeat_interleave(per, dim=0)
        self.n_read += len(latents)
        tokens = self.draw(logits, dict(enumerate(rows)))
        for at, row in enumerate(rows):
            if self.goes_on(row, tokens[at]):
                self.waiting.append((row, at // per, self.stepper.shared + int(lengths[at // per])))

    def step(self) -> None:
        """Append one token to every row that sits; those that are done leave."""
        self.advance(0)  # whoever wants to stop need not wait for a text's end
        logits = self.stepper.step(self.tensor(self.ids[: self.size]), self.tensor(self.positions[: self.size]))
        tokens = self.draw(logits, self.seated)
        for seat, row in list(self.seated.items()):
            self.ids[seat] = tokens[seat]
            self.positions[seat] += 1
            if not self.goes_on(row, tokens[seat]):
                del self.seated[seat]  # it is stepped on for the shape's sake, always at this place

    def goes_on(self, row: int, token: int) -> bool:
        """Append a token to a row and return whether more follow."""
        text = self.texts[row]
        text.append(token)
        over = token in self.rules.ends or len(text) == self.settings.max_new_tokens
        if over:
            self.advance(1)
        return not over

    def draw(self, logits: Tensor, rows: dict[int, int]) -> list[int]:
        """Return the next token for each line of the logits; lines without a row draw by 0."""
        if not bool(torch.isfinite(logits.amax(dim=-1)).all()):  # the largest of a line with a NaN is NaN
            raise ModelError("the language model's output is not finite", hint="Its weights are damaged.")
        u = np.zeros(len(logits), dtype=np.float32)
        for line, row in rows.items():
            u[line] = self.uniforms[row, len(self.texts[row])]
        logits[:, self.rules.never] = float("-inf")
        if self.rules.wanted:
            self.want(logits, rows)
        s = self.settings
        drawn = sample(logits, self.tensor(u), top_k=s.top_k, top_p=s.top_p, temperature=s.temperature)
        return [int(token) for token in drawn.tolist()]

    def want(self, logits: Tensor, rows: dict[int, int]) -> None:
        """Raise the logits of what each row has not said yet and is to say."""
        asked = [
            (line, token)
            for line, row in rows.items()
            for token in self.rules.wanted[row // self.settings.candidates]
            if token not in self.texts[row]
        ]
        if asked:
            lines, tokens = (self.tensor(numbers) for numbers in zip(*asked, strict=True))
            logits[lines, tokens] += WANTED

    def tensor(self, numbers: Sequence[int] | NDArray[Any]) -> Tensor:
        """Return numbers as a tensor where the model is."""
        return torch.as_tensor(np.asarray(numbers), device=self.rules.never.device)

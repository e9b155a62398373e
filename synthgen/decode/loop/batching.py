"""The decode loop, which writes many texts at once with a batch of fixed size (continuous batching).

A row is one text to write. The batch has a fixed number of slots, each for one row. A stepper (`LlamaStepper` or
`GenericStepper`) computes the logits of the next token: `read` for new prompts, and `step` for all slots. The logits
have one line per prompt or slot, and the loop draws one token for each line. If the stepper is `continuous`, the next
row gets the slot of a finished row at once. Otherwise, it waits until all rows of the batch are finished.
"""

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from synthgen.core.errors import ModelError
from synthgen.core.progress import Advance
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Float32
from synthgen.decode.base import Settings
from synthgen.decode.loop.generic import GenericStepper
from synthgen.decode.loop.llama import LlamaStepper, LlamaWeights

# added to the logit of a favoured token (see `TokenConstraints`) before the temperature is applied; at the default
# temperature of 0.8, a probability of 1/1000 becomes about 1/24
WANTED = 3.0
# a text never contains the same sequence of this number of tokens twice; eight tokens are about six words, and
# "500 mg twice daily" has six tokens
REPEAT = 8
BLOCK = 64  # number of logits in a block (see `_largest`)
Stepper = LlamaStepper | GenericStepper
EmbedPrompts = Callable[[Sequence[int]], tuple[Tensor, Tensor]]  # explained in `write`


@dataclass(frozen=True, slots=True)
class TokenConstraints:
    """Rules on the tokens that may be written."""

    ends: frozenset[int]  # tokens that end a text
    never: Tensor  # int64, tokens that are never written
    favoured: Sequence[Sequence[int]] = ()  # for each latent, tokens that are made more likely until they are written
    banned: Sequence[tuple[int, ...]] = ()  # sequences of tokens that are never written
    # ids of m tokens, and the biases of these tokens in the texts of each latent (latents, m); see `TokenBiases`
    biases: tuple[Tensor, Tensor] | None = None


def stepper_of(model: Any, weights: LlamaWeights | None, *, batch: int, prompt: int, length: int) -> Stepper:
    """Return a `LlamaStepper` if `weights` are given, else a `GenericStepper`.

    The batch has `batch` slots, a prompt at most `prompt` tokens, and a prompt with its text at most `length` tokens.

    Raises:
        ModelError: the model has fewer than `length` positions, or (with `weights`) a shorter sliding window.
    """
    limit = int(getattr(model.config, "max_position_embeddings", 0) or 1 << 30)
    if length > limit:
        message = f"prompt and text need up to {length} tokens, but the language model reads at most {limit} tokens"
        raise ModelError(message, hint="Lower decode.max_new_tokens, or shorten decode.prompt.")
    if weights is None:
        return GenericStepper(model, batch)
    return LlamaStepper(weights, batch=batch, prompt=prompt, length=length)


def padded(prompts: Sequence[Sequence[int]], length: int) -> tuple[Tensor, Tensor]:
    """Return the ids of n prompts, int64 (n, length), padded with 0 on the right, and their lengths, int64 (n)."""
    ids = torch.zeros(len(prompts), length, dtype=torch.long)
    for row, prompt in enumerate(prompts):
        ids[row, : len(prompt)] = torch.as_tensor(prompt)
    return ids, torch.tensor([len(prompt) for prompt in prompts])


def shared_prefix(prompts: Sequence[Sequence[int]], special: AbstractSet[int]) -> int:
    """Return the length of the longest common prefix that ends with a `special` token; 0 if there is none.

    A tokenizer splits a text at special tokens first, so later text cannot change the tokens of the prefix. At least
    one token of every prompt remains after the prefix.
    """
    common = 0
    for same in zip(*prompts, strict=False):
        if len(set(same)) > 1:
            break
        common += 1
    common = min(common, min(map(len, prompts)) - 1)
    return max((at + 1 for at in range(common) if prompts[0][at] in special), default=0)


def uniforms_of(seeds: SeedTree, ids: Sequence[str], settings: Settings) -> Float32:
    """Return random numbers in [0, 1), float32 (rows, max_new_tokens): one number for each token of each row.

    Each latent has `settings.candidates` consecutive rows; their numbers are from the stream seeds/id.
    """
    shape = (settings.candidates, settings.max_new_tokens)
    uniforms = np.zeros((len(ids), *shape), dtype=np.float32)
    for latent, name in enumerate(ids):
        uniforms[latent] = seeds.child(name).generator().random(shape, dtype=np.float32)
    return uniforms.reshape(-1, settings.max_new_tokens)


def write(
    stepper: Stepper,
    embed_prompts: EmbedPrompts,
    uniforms: Float32,
    settings: Settings,
    rules: TokenConstraints,
    advance: Advance,
) -> tuple[list[list[int]], list[float]]:
    """Return the tokens of every row, and the row's mean surprisal per token as a share of ln(V).

    The surprisal of a token is −ln p, where p is the probability after the `rules` and the ban on repetition, but
    before temperature, top-k and top-p. V is the size of the vocabulary, so ln(V) is the surprisal of a random guess.
    The last token of a row is an end token, unless the row reached `settings.max_new_tokens`. No row contains the
    same `REPEAT` consecutive tokens twice; without this ban, small language models repeat whole sentences.

    With n = `settings.candidates`, row r is candidate r % n of latent r // n. The tokens of a row do not depend on
    the other rows, because all computations have fixed shapes, or smaller shapes that give bitwise the same results.

    `embed_prompts` takes the indices of m latents. It returns the embeddings (m, t, width) of their prompts, padded
    on the right to t tokens, and the lengths of the prompts (m). For `uniforms`, see `uniforms_of`. `advance` is
    called with 1 for every finished row, and with 0 before every step.

    Raises:
        ModelError: the model's output is not finite.

    Reference: Paulus et al. 2017, arXiv 1705.04304, section 2.5 (no repeated n-grams).
    """
    loop = _Loop(stepper, embed_prompts, uniforms, settings, rules, advance)
    while loop.fill():
        loop.step()
    return loop.texts, [total / len(text) for total, text in zip(loop.surprisal, loop.texts, strict=True)]


@dataclass
class _Loop:
    """The state of `write` between two steps."""

    stepper: Stepper
    embed_prompts: EmbedPrompts
    uniforms: Float32
    settings: Settings
    rules: TokenConstraints
    advance: Advance

    def __post_init__(self) -> None:
        self.texts: list[list[int]] = [[] for _ in self.uniforms]
        # by row, the tokens that followed each sequence of `REPEAT` - 1 tokens of the row
        self.followers: list[dict[tuple[int, ...], list[int]]] = [{} for _ in self.uniforms]
        self.surprisal = [0.0] * len(self.texts)  # by row, the sum over its tokens, as a share of ln(V)
        self.n_read = 0  # number of prompts read so far, without repetitions that only fill the last group
        # rows that wait for a slot: the row, the index of its prompt in the last group read, and the number of tokens
        # of this prompt, including the common prefix
        self.waiting: deque[tuple[int, int, int]] = deque()
        self.active: dict[int, int] = {}  # by used slot, its row
        # number of rows that share one reading of their prompt; a `GenericStepper` reads a prompt once for each row
        self.per_prompt = self.settings.candidates if self.stepper.continuous else 1
        self.size = self.stepper.batch  # a step computes the first `size` slots
        # by slot, the last token of its row, and the number of tokens (prompt and text) before this token
        self.ids, self.positions = (np.zeros(self.size, dtype=np.int64) for _ in range(2))

    def fill(self) -> bool:
        """Put rows into free slots, and read more prompts if no row waits; return whether a slot is in use."""
        free = [slot for slot in range(self.stepper.batch) if slot not in self.active]
        if not self.stepper.continuous and self.active:
            return True
        while free and (self.waiting or self.n_read * self.per_prompt < len(self.texts)):
            if not self.waiting:
                self.read()
                continue
            next_rows = [self.waiting.popleft() for _ in range(min(len(free), len(self.waiting)))]
            if not self.stepper.continuous:  # slot i continues prompt i
                free = [prompt for _, prompt, _ in next_rows]
            slots, free = free[: len(next_rows)], free[len(next_rows) :]
            self.stepper.assign(self.tensor(slots), self.tensor([prompt for _, prompt, _ in next_rows]))
            for slot, (row, _, length) in zip(slots, next_rows, strict=True):
                self.active[slot], self.ids[slot], self.positions[slot] = row, self.texts[row][-1], length
        if not self.waiting and self.n_read * self.per_prompt == len(self.texts):
            self.compact()
        return bool(self.active)

    def compact(self) -> None:
        """Move the active rows to the first slots; a step then computes the smallest of `stepper.sizes` that fits."""
        size = min(size for size in self.stepper.sizes if size >= len(self.active))
        sources = [slot for slot in self.active if slot >= size]
        targets = [slot for slot in range(size) if slot not in self.active][: len(sources)]
        if sources:
            self.stepper.move(self.tensor(sources), self.tensor(targets))
            self.ids[targets], self.positions[targets] = self.ids[sources], self.positions[sources]
            self.active |= {target: self.active.pop(slot) for slot, target in zip(sources, targets, strict=True)}
        self.size = size

    def read(self) -> None:
        # reads the next group of prompts, draws the first token of each row, and queues the unfinished rows
        n, per = self.stepper.group, self.per_prompt
        rows = range(self.n_read * per, min((self.n_read + n) * per, len(self.texts)))
        latents = [row // self.settings.candidates for row in rows[::per]]
        # the last prompt is repeated until there are n prompts, so that all readings have the same shape
        embeddings, lengths = self.embed_prompts(latents + [latents[-1]] * (n - len(latents)))
        logits = self.stepper.read(embeddings, lengths).repeat_interleave(per, dim=0)
        self.n_read += len(latents)
        tokens = self.draw(logits, dict(enumerate(rows)))
        for line, row in enumerate(rows):
            if not self.append(row, tokens[line]):
                self.waiting.append((row, line // per, self.stepper.prefix_length + int(lengths[line // per])))

    def step(self) -> None:
        self.advance(0)  # lets the caller stop the run between two steps
        logits = self.stepper.step(self.tensor(self.ids[: self.size]), self.tensor(self.positions[: self.size]))
        tokens = self.draw(logits, self.active)
        for slot, row in list(self.active.items()):
            self.ids[slot] = tokens[slot]
            self.positions[slot] += 1
            if self.append(row, tokens[slot]):
                del self.active[slot]  # the slot is still computed, so that the batch keeps its shape

    def append(self, row: int, token: int) -> bool:
        # returns whether the row is finished
        text = self.texts[row]
        text.append(token)
        is_done = token in self.rules.ends or len(text) == self.settings.max_new_tokens
        if is_done:
            self.followers[row] = {}
            self.advance(1)
        elif len(text) >= REPEAT:
            self.followers[row].setdefault(tuple(text[-REPEAT:-1]), []).append(token)
        return is_done

    def draw(self, logits: Tensor, rows: dict[int, int]) -> list[int]:
        # Returns a token for each line of the logits, and adds its surprisal to the row of the line (`rows`). The
        # token of a line without a row has no meaning.
        if not bool(torch.isfinite(logits.amax(dim=-1)).all()):  # the maximum of a line with NaN is NaN
            hint = "Fetch the model again; its weights may be damaged."
            raise ModelError("the language model computes numbers that are not finite", hint=hint)
        u = np.zeros(len(logits), dtype=np.float32)
        for line, row in rows.items():
            u[line] = self.uniforms[row, len(self.texts[row])]
        if self.rules.biases is not None and rows:
            tokens, biases = self.rules.biases
            lines, latents = self.tensor([*rows]), self.tensor([r // self.settings.candidates for r in rows.values()])
            logits[lines.unsqueeze(1), tokens] += biases[latents].to(logits.dtype)
        logits[:, self.rules.never] = float("-inf")
        for pairs, change in ((self.missing(rows), WANTED), (self.completed(rows), float("-inf"))):
            if listed := [*pairs]:
                lines, tokens = (self.tensor(numbers) for numbers in zip(*listed, strict=True))
                logits[lines, tokens] += change
        s = self.settings
        drawn = sample(logits, self.tensor(u), top_k=s.top_k, top_p=s.top_p, temperature=s.temperature)
        surprisal = torch.logsumexp(logits.float(), dim=-1) - logits.gather(1, drawn.unsqueeze(1)).squeeze(1).float()
        surprisals: list[float] = surprisal.tolist()
        for line, row in rows.items():
            self.surprisal[row] += surprisals[line] / math.log(logits.shape[-1])
        return [int(token) for token in drawn.tolist()]

    def missing(self, rows: dict[int, int]) -> Iterator[tuple[int, int]]:
        # yields each line with each favoured token that the row of the line does not yet contain
        for line, row in rows.items() if self.rules.favoured else ():
            for token in self.rules.favoured[row // self.settings.candidates]:
                if token not in self.texts[row]:
                    yield line, token

    def completed(self, rows: dict[int, int]) -> Iterator[tuple[int, int]]:
        # yields each line with each token that would complete a banned or repeated sequence in the row of the line
        for line, row in rows.items():
            for last in self.followers[row].get(tuple(self.texts[row][1 - REPEAT :]), ()):
                yield line, last
            for *first, last in self.rules.banned:
                if self.texts[row][len(self.texts[row]) - len(first) :] == first:
                    yield line, last

    def tensor(self, numbers: Sequence[int] | NDArray[Any]) -> Tensor:
        return torch.as_tensor(np.asarray(numbers), device=self.rules.never.device)


def sample(logits: Tensor, uniform: Tensor, *, top_k: int, top_p: float, temperature: float) -> Tensor:
    """Return one token id per line of logits (n, vocabulary), drawn with `uniform`, float32 (n) in [0, 1).

    p is the softmax of (the top_k largest logits / temperature), in descending order. p' is the shortest beginning of
    p with a sum of at least top_p, divided by this sum. The result is the first token whose cumulative p' exceeds
    `uniform`.

    Reference: Fan et al. 2018 (top-k), Holtzman et al. 2020, arXiv 1904.09751v2, section 3.1 (nucleus).
    """
    values, ids = _largest(logits, min(top_k, logits.shape[-1]))
    p = torch.softmax(values / temperature, dim=-1)
    sum_before = p.cumsum(dim=-1) - p
    p = p * (sum_before < top_p)
    cumulative = p.cumsum(dim=-1)
    drawn = (cumulative <= uniform.unsqueeze(1) * cumulative[:, -1:]).sum(dim=-1)
    n_possible = (p > 0).sum(dim=-1)
    return ids.gather(1, torch.minimum(drawn, n_possible - 1).unsqueeze(1)).squeeze(1)


def _largest(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Return the k largest logits of each line, float32, in descending order, and their token ids.

    The logits of a line are divided into blocks of `BLOCK` logits. The k blocks with the largest maxima contain the k
    largest logits, so only these blocks are searched. Equal logits are ordered by token id. If several blocks tie for
    the last place, `torch.topk` chooses among them.
    """
    n = len(logits)
    if n_padding := -logits.shape[-1] % BLOCK:
        logits = functional.pad(logits, (0, n_padding), value=float("-inf"))
    blocks = logits.view(n, BLOCK, -1)
    tops = torch.topk(blocks.amax(dim=1), min(k, blocks.shape[-1]), dim=-1).indices
    values = blocks.gather(2, tops.unsqueeze(1).expand(-1, BLOCK, -1)).float().view(n, -1) + 0.0  # -0 becomes 0
    ids = (torch.arange(BLOCK, device=logits.device)[:, None] * blocks.shape[-1] + tops.unsqueeze(1)).view(n, -1)
    bits = values.view(torch.int32)
    ordered = bits ^ ((bits >> 31) & 0x7FFFFFFF)  # integers that have the order of the floats
    positions = torch.topk((ordered.long() << 32) - ids, k, dim=-1, sorted=True).indices
    return values.gather(1, positions), ids.gather(1, positions)

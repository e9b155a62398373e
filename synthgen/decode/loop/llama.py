"""A decode loop's forward pass for Llama and Mistral models: preallocated cache, packed weights, grouped queries.

`generate` of a general library pays, on a CPU, for cache concatenation, for repeated heads and for a one-query
attention kernel that uses one core per head; at batch 64 that is most of a step. Here each projection is one matrix
product over the batch, and the three query heads that share a key head form the rows of one product with it. On a GPU
a step is recorded once and played again.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from synthgen.core.errors import ModelError
from synthgen.decode.loop.graphs import Played, plays
from synthgen.decode.loop.products import Packed, Plain, merged, packs, product

FAMILIES = ("llama", "mistral")
GROUPS = 4  # a group of prompts is this part of the batch
SMALLER = (2, 4, 8)  # parts of the batch that a step may have when few rows are left
LEAST_ROWS = 8  # with fewer, products are of another kind, that sums in another order


def has_stepper(config: Any) -> bool:
    """Return whether a model of this configuration is of the plain form that `LlamaStepper` computes."""
    biased = getattr(config, "attention_bias", False) or getattr(config, "mlp_bias", False)
    return config.model_type in FAMILIES and not biased and config.hidden_act == "silu"


class Layer(NamedTuple):
    """One layer's products and norms."""

    qkv: Plain | Packed
    o: Plain | Packed
    gate: Plain | Packed
    up: Plain | Packed
    down: Plain | Packed
    norm1: Tensor
    norm2: Tensor


class LlamaWeights:
    """A model's weights as the stepper multiplies them; made once, shared by steppers of any shape.

    Args:
        model: a transformers Llama or Mistral causal LM, adapters merged. Where weights are packed (bfloat16 on a
            CPU) its layers are taken over one by one, and it computes nothing by itself any more.

    Raises:
        ModelError: when the model has another form.
    """

    def __init__(self, model: Any) -> None:
        if not has_stepper(model.config):
            raise ModelError(f"a model of type {model.config.model_type!r} in this form has no stepper of its own")
        self.config, body = model.config, model.model
        self.table, self.norm, self.rotary = body.embed_tokens.weight, body.norm.weight, body.rotary_emb
        self.head = product(model.lm_head.weight)
        self.sizes: dict[
            tuple[int, int, int], tuple[int, ...]
        ] = {}  # of batch, length and threads; see `LlamaStepper`
        self.layers = []
        for i, layer in enumerate(body.layers):
            self.layers.append(_layer(layer))
            if packs(self.table):
                body.layers[i] = nn.Identity()


class LlamaStepper:
    """Reads prompts in groups and steps a batch of rows, each at its own place; row i never depends on another row.

    Every kernel has one shape whatever the rows hold: the number of columns looked at is always `length`. Only when
    few rows are left may a step have fewer: `sizes`, for which all bits came out the same when tried on this machine.

    Args:
        weights: of the model.
        batch: rows of a step.
        prompt: tokens every prompt is padded to.
        length: most positions, prompt and new tokens together.
    """

    continuous = True

    def __init__(self, weights: LlamaWeights, *, batch: int, prompt: int, length: int) -> None:
        config = weights.config
        if config.model_type == "mistral" and (config.sliding_window or length) < length:
            raise ModelError(f"the text would outgrow the model's sliding window of {config.sliding_window}")
        self.n_heads, self.n_kv = config.num_attention_heads, config.num_key_value_heads
        self.head_dim = getattr(config, "head_dim", None) or config.hidden_size // self.n_heads
        self.weights, self.eps = weights, config.rms_norm_eps
        self.batch, self.group, self.prompt, self.length = batch, max(1, batch // GROUPS), prompt, length
        self.shared = 0  # columns that hold what all prompts begin with
        self.rows, self.asked = self._cache(batch, length), self._cache(self.group, prompt)
        device = weights.table.device
        self.columns = torch.arange(length, device=device)
        cos, sin = (t[0] for t in weights.rotary(weights.table[:1].unsqueeze(0), self.columns.unsqueeze(0)))
        self.turns = torch.stack((cos, sin))
        at = torch.arange(batch * self.n_kv, device=device) * length
        self.lines = at.view(batch, self.n_kv)  # the first of each row's heads, in a cache seen as a list of columns

        self.played: dict[int, Played] = {}  # steps of so many rows, on a GPU
        shape = batch, length, torch.get_num_threads()
        if shape not in weights.sizes:
            weights.sizes[shape] = self._same_sizes()
        self.sizes = weights.sizes[shape]

    @torch.inference_mode()
    def _same_sizes(self) -> tuple[int, ...]:
        """Return the numbers of rows, falling, for which a step gives each row the very bits a whole batch does."""
        shape, generator = self.rows.shape[2:], torch.Generator().manual_seed(0)
        self.rows[:] = torch.randn(shape, generator=generator).to(self.rows)
        rows = torch.arange(self.batch, device=self.columns.device)
        ids, positions = rows % len(self.weights.table), self.length - 1 - rows % self.length
        whole = self.step(ids, positions)
        sizes = [self.batch // part for part in SMALLER if self.batch // part >= LEAST_ROWS]
        same = [n for n in sizes if torch.equal(self.step(ids[:n], positions[:n]), whole[:n])]
        self.rows.zero_()
        return (self.batch, *same)

    def _cache(self, rows: int, length: int) -> Tensor:
        shape = (2, len(self.weights.layers), rows, self.n_kv, length, self.head_dim)
        return torch.zeros(shape, dtype=self.weights.table.dtype, device=self.weights.table.device)

    def embed(self, ids: Tensor) -> Tensor:
        """Return the input embeddings (..., width) of token ids."""
        return functional.embedding(ids, self.weights.table)

    def begin(self, embeddings: Tensor) -> None:
        """Read what all prompts begin with (p, width), once; they are then given without it, padded to p less."""
        self.shared = len(embeddings)
        head = self._cache(1, self.shared)
        self._through(embeddings.unsqueeze(0), head, 0)
        for cache in (self.rows, self.asked):
            cache[..., : self.shared, :] = head

    def read(self, embeddings: Tensor, lengths: Tensor) -> Tensor:
        """Read a group of prompts and return the logits (group, vocabulary) after the last token of each.

        Args:
            embeddings: (group, t, width), padded on the right; t is `prompt` less what all begin with.
            lengths: int64 (group), tokens of each, without what all begin with.
        """
        x = self._through(embeddings, self.asked, self.shared)
        return self._logits(x[torch.arange(len(x), device=x.device), lengths - 1])

    def _through(self, embeddings: Tensor, cache: Tensor, begin: int) -> Tensor:
        """Return what the last layer makes of tokens (n, t, width) that fill a cache from a column to its end."""
        n, t, width = embeddings.shape
        at = self.columns[: begin + t]
        bias = _bias(at[None, :] <= at[begin:, None], embeddings.dtype)
        turn = self.turns[:, begin : begin + t].repeat(1, n, 1).unsqueeze(2)
        x = embeddings.reshape(n * t, width)
        for i, layer in enumerate(self.weights.layers):
            q, k, v = self._heads(layer, x, turn)
            keys, values = cache[:, i]
            keys[:, :, begin:] = k.reshape(n, t, self.n_kv, -1).transpose(1, 2)
            values[:, :, begin:] = v.reshape(n, t, self.n_kv, -1).transpose(1, 2)
            x = self._rest(layer, x, self._attend(q.reshape(n, t, self.n_heads, -1), keys, values, bias))
        return x.view(n, t, width)

    def seat(self, rows: Tensor, prompts: Tensor) -> None:
        """Let some rows of the batch go on from some prompts of the group read last; int64 (m) both."""
        own = slice(self.shared, self.prompt)
        self.rows[:, :, rows, :, own] = self.asked[:, :, prompts, :, own]

    def move(self, rows: Tensor, to: Tensor) -> None:
        """Let some rows of the batch take the places of others; int64 (m) both."""
        self.rows[:, :, to] = self.rows[:, :, rows]

    def step(self, ids: Tensor, positions: Tensor) -> Tensor:
        """Append one token to each of the first n rows, at its own position; return the next logits (n, vocabulary).

        Args:
            ids: int64 (n), n one of `sizes`.
            positions: int64 (n).
        """
        if not plays(self.columns.device):
            return self._step(ids, positions)
        if len(ids) not in self.played:  # to write the same keys and values again changes nothing
            self.played[len(ids)] = Played(self._step, ids, positions)
        return self.played[len(ids)](ids, positions)

    def _step(self, ids: Tensor, positions: Tensor) -> Tensor:
        n = len(ids)
        bias = _bias(self.columns[None, :] <= positions[:, None], self.weights.table.dtype)
        bias = bias.repeat_interleave(self.n_kv, dim=0).unsqueeze(1)
        turn = self.turns[:, positions].unsqueeze(2)
        places = (self.lines[:n] + positions[:, None]).flatten()
        x = self.embed(ids)
        for i, layer in enumerate(self.weights.layers):
            q, k, v = self._heads(layer, x, turn)
            keys, values = self.rows[:, i, :n]
            keys.view(-1, self.head_dim).index_copy_(0, places, k.reshape(-1, self.head_dim))
            values.view(-1, self.head_dim).index_copy_(0, places, v.reshape(-1, self.head_dim))
            x = self._rest(layer, x, self._attend_one(q, keys, values, bias))
        return self._logits(x)

    def _heads(self, layer: Layer, x: Tensor, turn: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries (m, heads, d), keys and values (m, kv, d); `turn` (2, m, 1, d): the tokens' cos and sin."""
        h = functional.rms_norm(x, (x.shape[-1],), layer.norm1, self.eps)
        made = layer.qkv(h).view(len(x), -1, self.head_dim)
        qk, v = made[:, : -self.n_kv], made[:, -self.n_kv :]
        half, (cos, sin) = self.head_dim // 2, turn
        turned = qk * cos
        turned[..., :half].addcmul_(qk[..., half:], sin[..., :half], value=-1)
        turned[..., half:].addcmul_(qk[..., :half], sin[..., half:])
        return turned[:, : self.n_heads], turned[:, self.n_heads :], v

    def _rest(self, layer: Layer, x: Tensor, mixed: Tensor) -> Tensor:
        x = layer.o.plus(mixed, x)
        h = functional.rms_norm(x, (x.shape[-1],), layer.norm2, self.eps)
        return layer.down.plus(layer.up.times(h, layer.gate.silu(h)), x)

    def _attend(self, q: Tensor, keys: Tensor, values: Tensor, bias: Tensor) -> Tensor:
        """Return attention (n * t, heads * d); query heads that share a key head stand as rows of one product."""
        n, t = q.shape[:2]
        share = self.n_heads // self.n_kv
        rows = q.reshape(n, t, self.n_kv, share, self.head_dim).permute(0, 2, 3, 1, 4)  # (n, kv, share, t, d)
        rows = rows.reshape(n, self.n_kv, share * t, self.head_dim) * self.head_dim**-0.5
        scores = (rows @ keys.transpose(2, 3)).view(n, self.n_kv, share, t, -1) + bias
        weights = torch.softmax(scores, dim=-1, dtype=torch.float32).to(q.dtype)
        mixed = weights.view(n, self.n_kv, share * t, -1) @ values
        mixed = mixed.view(n, self.n_kv, share, t, self.head_dim).permute(0, 3, 1, 2, 4)
        return mixed.reshape(n * t, self.n_heads * self.head_dim)

    def _attend_one(self, q: Tensor, keys: Tensor, values: Tensor, bias: Tensor) -> Tensor:
        """Return the same for one token of each row, in fewer operations; bias (n * kv, 1, columns)."""
        rows = q.reshape(len(bias), -1, self.head_dim)
        scores = torch.baddbmm(bias, rows, keys.flatten(0, 1).transpose(1, 2), alpha=self.head_dim**-0.5)
        weights = torch.softmax(scores, dim=-1, dtype=torch.float32).to(q.dtype)
        return (weights @ values.flatten(0, 1)).view(len(q), -1)

    def _logits(self, x: Tensor) -> Tensor:
        return self.weights.head(functional.rms_norm(x, (x.shape[-1],), self.weights.norm, self.eps))


def _bias(allowed: Tensor, dtype: torch.dtype) -> Tensor:
    return torch.zeros(allowed.shape, dtype=dtype, device=allowed.device).masked_fill_(~allowed, float("-inf"))


def _layer(layer: Any) -> Layer:
    attention, mlp = layer.self_attn, layer.mlp
    return Layer(
        qkv=merged(attention.q_proj, attention.k_proj, attention.v_proj),
        o=product(attention.o_proj.weight),
        gate=product(mlp.gate_proj.weight),
        up=product(mlp.up_proj.weight),
        down=product(mlp.down_proj.weight),
        norm1=layer.input_layernorm.weight,
        norm2=layer.post_attention_layernorm.weight,
    )

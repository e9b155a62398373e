"""Compute the logits of Llama, Mistral and Qwen models for the decode loop, faster than `generate` of transformers.

The decode loop (batching.py) writes many texts at once, one in each row of a batch. A `LlamaStepper` reads a group of
prompts, and stores their keys and values (the inputs of attention) in a cache. `assign` copies the keys and values of
a prompt to a row. Each step then appends one token to each row. Query heads that share a key head are computed by one
matrix product. On a CPU, weights are packed if possible (see products.py). On a GPU, a step is recorded as a CUDA
graph, which starts its many short GPU functions faster.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from synthgen.core.errors import ModelError
from synthgen.decode.loop.products import Plain, merged, product

# `model_type` of models that differ only in the sliding window (mistral), in the biases of queries, keys and values
# (qwen2), and in the norms of queries and keys (qwen3)
FAMILIES = ("llama", "mistral", "qwen2", "qwen3")
GROUPS = 4  # divisor of the batch size: `read` takes a group of batch / GROUPS prompts, at least one
SMALLER = (2, 4, 8)  # divisors of the batch size; if few rows hold texts, a step can compute batch / divisor rows
WARM_UP = 3  # number of calls before a recording, because the first calls choose GPU functions and allocate memory
MIN_ROWS = 8  # smallest number of rows of a step; products of fewer rows would be summed in another order


def can_record(device: torch.device) -> bool:
    """Return whether computations on a device can be recorded as a CUDA graph."""
    return device.type == "cuda"


class Recorded:
    """A function of tensors on one GPU, recorded as a CUDA graph so that calls are faster.

    The function must be idempotent, must always use the same shapes, and must not wait for the GPU. All calls return
    the same tensor; each call overwrites its values.
    """

    def __init__(self, function: Callable[..., Tensor], *arguments: Tensor) -> None:
        self.arguments = tuple(tensor.clone() for tensor in arguments)
        with torch.cuda.device(arguments[0].device):
            current, warm_up = torch.cuda.current_stream(), torch.cuda.Stream()  # type: ignore[no-untyped-call]
            warm_up.wait_stream(current)
            with torch.cuda.stream(warm_up):
                for _ in range(WARM_UP):
                    function(*self.arguments)
            current.wait_stream(warm_up)
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph):
                self.result = function(*self.arguments)

    def __call__(self, *arguments: Tensor) -> Tensor:
        """Return the result for new arguments of the same shapes."""
        for recorded, new in zip(self.arguments, arguments, strict=True):
            recorded.copy_(new)
        self.graph.replay()
        return self.result


def has_stepper(config: Any) -> bool:
    """Return whether `LlamaStepper` supports this configuration.

    It supports the families in `FAMILIES` with the activation function SiLU, but not the options `attention_bias`,
    `mlp_bias` and `use_sliding_window`.
    """
    options = ("attention_bias", "mlp_bias", "use_sliding_window")
    return (
        config.model_type in FAMILIES
        and config.hidden_act == "silu"
        and not any(getattr(config, option, False) for option in options)
    )


class Layer:
    """The matrix products (see products.py) of one layer, and the weights of its norms."""

    def __init__(self, layer: Any, *, in_int8: bool) -> None:
        attention, mlp = layer.self_attn, layer.mlp
        self.qkv = merged(attention.q_proj, attention.k_proj, attention.v_proj, in_int8=in_int8)
        self.o, self.gate, self.up, self.down = (
            product(linear.weight, in_int8=in_int8)
            for linear in (attention.o_proj, mlp.gate_proj, mlp.up_proj, mlp.down_proj)
        )
        self.norm1, self.norm2 = layer.input_layernorm.weight, layer.post_attention_layernorm.weight
        # weights of the norms of the queries and keys (heads + kv, d); None if the model has no such norms
        self.qk_norm: Tensor | None = None
        if hasattr(attention, "q_norm"):
            queries, keys = (len(p.weight) // attention.head_dim for p in (attention.q_proj, attention.k_proj))
            weights = attention.q_norm.weight.expand(queries, -1), attention.k_norm.weight.expand(keys, -1)
            self.qk_norm = torch.cat(weights)


class LlamaWeights:
    """The weights of a model in the layout of `LlamaStepper`; several steppers can share the weights.

    If the weights are copied (see `Packed` and `Quantized`), the layers of `model` are removed, and `model` becomes
    unusable. With `in_int8`, products use int8 weights; see `decodes_in_int8`.

    Raises:
        ModelError: `has_stepper` is false for the model.
    """

    def __init__(self, model: Any, *, in_int8: bool = False) -> None:
        if not has_stepper(model.config):
            raise ModelError(
                f"the forward pass for Llama models does not support a model of type {model.config.model_type!r}"
            )
        self.config, body = model.config, model.model
        self.table, self.norm, self.rotary = body.embed_tokens.weight, body.norm.weight, body.rotary_emb
        self.head = product(model.lm_head.weight, in_int8=in_int8)
        # (batch, length, number of threads) of a stepper -> numbers of rows that a step can compute
        self.sizes: dict[tuple[int, int, int], tuple[int, ...]] = {}
        self.layers = []
        for i, layer in enumerate(body.layers):
            self.layers.append(Layer(layer, in_int8=in_int8))
            if type(self.head) is not Plain:
                body.layers[i] = nn.Identity()


class LlamaStepper:
    """Reads prompts in groups; each step then appends one token to each row of a batch.

    The rows can have different lengths: the caller passes the position of each row's new token.

    All shapes are fixed, so that the result for a row does not depend on the other rows. The caller pads prompts to
    `prompt` tokens, and a step attends to `length` positions of prompt and new tokens. `sizes` lists the numbers of
    rows that a step can compute: the size of the batch, and smaller numbers for batches with few texts. The
    constructor tests smaller numbers, and keeps those that give bitwise the results of the full batch.

    Raises:
        ModelError: the model's sliding window is shorter than `length`.
    """

    continuous = True  # a row whose text is finished can get a new text while the other rows continue

    def __init__(self, weights: LlamaWeights, *, batch: int, prompt: int, length: int) -> None:
        config = weights.config
        if config.model_type == "mistral" and (config.sliding_window or length) < length:
            has = f"the sliding window of the language model has only {config.sliding_window} tokens"
            message = f"prompt and text need up to {length} tokens, but {has}"
            raise ModelError(message, hint="Lower decode.max_new_tokens, or shorten decode.prompt.")
        self.n_heads, self.n_kv = config.num_attention_heads, config.num_key_value_heads
        self.head_dim = getattr(config, "head_dim", None) or config.hidden_size // self.n_heads
        self.weights, self.eps = weights, config.rms_norm_eps
        self.batch, self.group, self.prompt, self.length = batch, max(1, batch // GROUPS), prompt, length
        self.prefix_length = 0  # number of tokens of the common prefix of all prompts
        # caches (see `_cache`) of the rows of the batch, and of the group of prompts that `read` took last
        self.rows, self.prompts = self._cache(batch, length), self._cache(self.group, prompt)
        device = weights.table.device
        self.columns = torch.arange(length, device=device)
        cos, sin = (t[0] for t in weights.rotary(weights.table[:1].unsqueeze(0), self.columns.unsqueeze(0)))
        self.rotations = torch.stack((cos, sin))
        starts = torch.arange(batch * self.n_kv, device=device) * length
        self.starts = starts.view(batch, self.n_kv)  # for each row and key head, the cache index of position 0
        self.recorded: dict[int, Recorded] = {}  # recorded steps on a GPU, by number of rows
        shape = batch, length, torch.get_num_threads()
        if shape not in weights.sizes:
            weights.sizes[shape] = self._same_sizes()
        self.sizes = weights.sizes[shape]

    @torch.inference_mode()
    def _same_sizes(self) -> tuple[int, ...]:
        """Return the numbers of rows for which a step gives bitwise the full batch's results, in descending order."""
        shape, generator = self.rows.shape[2:], torch.Generator().manual_seed(0)
        self.rows[:] = torch.randn(shape, generator=generator).to(self.rows)
        rows = torch.arange(self.batch, device=self.columns.device)
        ids, positions = rows % len(self.weights.table), self.length - 1 - rows % self.length
        full = self.step(ids, positions)
        sizes = [self.batch // divisor for divisor in SMALLER if self.batch // divisor >= MIN_ROWS]
        same = [n for n in sizes if torch.equal(self.step(ids[:n], positions[:n]), full[:n])]
        self.rows.zero_()
        return (self.batch, *same)

    def _cache(self, rows: int, length: int) -> Tensor:
        # returns an empty cache; on the first axis, 0 is for keys and 1 for values
        shape = (2, len(self.weights.layers), rows, self.n_kv, length, self.head_dim)
        return torch.zeros(shape, dtype=self.weights.table.dtype, device=self.weights.table.device)

    def embed(self, ids: Tensor) -> Tensor:
        """Return the input embeddings (..., width) of token ids."""
        return functional.embedding(ids, self.weights.table)

    def read_prefix(self, embeddings: Tensor) -> None:
        """Read `embeddings` (p, width), the prefix of all prompts; `read` then takes prompts without this prefix."""
        self.prefix_length = len(embeddings)
        prefix_cache = self._cache(1, self.prefix_length)
        self._fill(embeddings.unsqueeze(0), prefix_cache, 0)
        for cache in (self.rows, self.prompts):
            cache[..., : self.prefix_length, :] = prefix_cache

    def read(self, embeddings: Tensor, lengths: Tensor) -> Tensor:
        """Read prompts; return the logits (group, vocabulary) after the last token of each prompt.

        `embeddings` (group, t, width) are padded on the right; t is `prompt` minus the length of the prefix.
        `lengths`, int64 (group), are the numbers of tokens of the prompts without the prefix.
        """
        x = self._fill(embeddings, self.prompts, self.prefix_length)
        return self._logits(x[torch.arange(len(x), device=x.device), lengths - 1])

    def _fill(self, embeddings: Tensor, cache: Tensor, begin: int) -> Tensor:
        """Return the last layer's states (n, t, width); write keys and values to `cache`, from `begin` to the end."""
        n, t, width = embeddings.shape
        positions = self.columns[: begin + t]
        bias = _bias(positions[None, :] <= positions[begin:, None], embeddings.dtype)
        rotation = self.rotations[:, begin : begin + t].repeat(1, n, 1).unsqueeze(2)
        x = embeddings.reshape(n * t, width)
        for i, layer in enumerate(self.weights.layers):
            q, k, v = self._heads(layer, x, rotation)
            keys, values = cache[:, i]
            keys[:, :, begin:] = k.reshape(n, t, self.n_kv, -1).transpose(1, 2)
            values[:, :, begin:] = v.reshape(n, t, self.n_kv, -1).transpose(1, 2)
            x = self._feed_forward(layer, x, self._attend(q.reshape(n, t, self.n_heads, -1), keys, values, bias))
        return x.view(n, t, width)

    def assign(self, rows: Tensor, prompts: Tensor) -> None:
        """Let row `rows[i]` of the batch continue prompt `prompts[i]` of the last `read`; both are int64 (m)."""
        columns = slice(self.prefix_length, self.prompt)
        self.rows[:, :, rows, :, columns] = self.prompts[:, :, prompts, :, columns]

    def move(self, rows: Tensor, to: Tensor) -> None:
        """Copy row rows[i] of the batch to row to[i]; `rows` and `to` are int64 (m)."""
        self.rows[:, :, to] = self.rows[:, :, rows]

    def step(self, ids: Tensor, positions: Tensor) -> Tensor:
        """Append tokens `ids` to the first n rows, at `positions`; return the next logits (n, vocabulary).

        `ids` and `positions` are int64 (n), where n is one of `sizes`.
        """
        if not can_record(self.columns.device):
            return self._step(ids, positions)
        if len(ids) not in self.recorded:  # a recording runs the step `WARM_UP` times; repetitions change nothing
            self.recorded[len(ids)] = Recorded(self._step, ids, positions)
        return self.recorded[len(ids)](ids, positions)

    def _step(self, ids: Tensor, positions: Tensor) -> Tensor:
        # computes what `step` returns, without a recording
        n = len(ids)
        bias = _bias(self.columns[None, :] <= positions[:, None], self.weights.table.dtype)
        bias = bias.repeat_interleave(self.n_kv, dim=0).unsqueeze(1)
        rotation = self.rotations[:, positions].unsqueeze(2)
        places = (self.starts[:n] + positions[:, None]).flatten()
        x = self.embed(ids)
        for i, layer in enumerate(self.weights.layers):
            q, k, v = self._heads(layer, x, rotation)
            keys, values = self.rows[:, i, :n]
            keys.view(-1, self.head_dim).index_copy_(0, places, k.reshape(-1, self.head_dim))
            values.view(-1, self.head_dim).index_copy_(0, places, v.reshape(-1, self.head_dim))
            x = self._feed_forward(layer, x, self._attend_one(q, keys, values, bias))
        return self._logits(x)

    def _heads(self, layer: Layer, x: Tensor, rotation: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        # Returns the queries (m, heads, d), keys and values (m, kv, d) of m tokens with the states `x` (m, width).
        # `rotation` (2, m, 1, d) is the cosine and the sine of the angles of the rotary position embedding.
        h = functional.rms_norm(x, (x.shape[-1],), layer.norm1, self.eps)
        qkv = layer.qkv(h).view(len(x), -1, self.head_dim)
        qk, v = qkv[:, : -self.n_kv], qkv[:, -self.n_kv :]
        if layer.qk_norm is not None:
            qk = functional.rms_norm(qk, (self.head_dim,), eps=self.eps) * layer.qk_norm
        half, (cos, sin) = self.head_dim // 2, rotation
        rotated = qk * cos
        rotated[..., :half].addcmul_(qk[..., half:], sin[..., :half], value=-1)
        rotated[..., half:].addcmul_(qk[..., :half], sin[..., half:])
        return rotated[:, : self.n_heads], rotated[:, self.n_heads :], v

    def _feed_forward(self, layer: Layer, x: Tensor, mixed: Tensor) -> Tensor:
        # returns the output of a layer; `x` is the input of the layer, and `mixed` the result of `_attend`
        x = layer.o.plus(mixed, x)
        h = functional.rms_norm(x, (x.shape[-1],), layer.norm2, self.eps)
        return layer.down.plus(layer.up.times(h, layer.gate.silu(h)), x)

    def _attend(self, q: Tensor, keys: Tensor, values: Tensor, bias: Tensor) -> Tensor:
        # Returns the values, averaged with the attention weights, (n * t, heads * d). The queries `q` are
        # (n, t, heads, d), and `keys` and `values` are (n, kv, positions, d). For `bias` (t, positions), see `_bias`.
        n, t = q.shape[:2]
        per_key = self.n_heads // self.n_kv  # number of query heads that share a key head
        queries = q.reshape(n, t, self.n_kv, per_key, self.head_dim).permute(0, 2, 3, 1, 4)  # (n, kv, per_key, t, d)
        queries = queries.reshape(n, self.n_kv, per_key * t, self.head_dim) * self.head_dim**-0.5
        scores = (queries @ keys.transpose(2, 3)).view(n, self.n_kv, per_key, t, -1) + bias
        weights = torch.softmax(scores, dim=-1, dtype=torch.float32).to(q.dtype)
        mixed = weights.view(n, self.n_kv, per_key * t, -1) @ values
        mixed = mixed.view(n, self.n_kv, per_key, t, self.head_dim).permute(0, 3, 1, 2, 4)
        return mixed.reshape(n * t, self.n_heads * self.head_dim)

    def _attend_one(self, q: Tensor, keys: Tensor, values: Tensor, bias: Tensor) -> Tensor:
        # `_attend` for one token per row, with fewer operations; `bias` is (n * kv, 1, length)
        queries = q.reshape(len(bias), -1, self.head_dim)
        scores = torch.baddbmm(bias, queries, keys.flatten(0, 1).transpose(1, 2), alpha=self.head_dim**-0.5)
        weights = torch.softmax(scores, dim=-1, dtype=torch.float32).to(q.dtype)
        return (weights @ values.flatten(0, 1)).view(len(q), -1)

    def _logits(self, x: Tensor) -> Tensor:
        return self.weights.head(functional.rms_norm(x, (x.shape[-1],), self.weights.norm, self.eps))


def _bias(allowed: Tensor, dtype: torch.dtype) -> Tensor:
    # returns the summand of attention scores: 0 where a token may attend to a position (`allowed`), and −∞ elsewhere
    return torch.zeros(allowed.shape, dtype=dtype, device=allowed.device).masked_fill_(~allowed, float("-inf"))

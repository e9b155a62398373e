"""A decode loop's forward pass for Llama and Mistral models: preallocated cache, merged projections, grouped queries.

`generate` of a general library pays, on a CPU, for cache concatenation, for repeated heads and for a one-query
attention kernel that uses one core per head; at batch 64 that is most of a step. Here each projection is one matrix
product over the batch, and the three query heads that share a key head form the rows of one product with it.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from synthgen.errors import ModelError

FAMILIES = ("llama", "mistral")


def has_stepper(config: Any) -> bool:
    """Return whether a model of this configuration is of the plain form that `LlamaStepper` computes."""
    biased = getattr(config, "attention_bias", False) or getattr(config, "mlp_bias", False)
    return config.model_type in FAMILIES and not biased and config.hidden_act == "silu"


class LlamaStepper:
    """Prefill and one-token steps over a fixed batch; row i never depends on another row.

    Args:
        model: a transformers Llama or Mistral causal LM, adapters merged.
        batch: rows, always the same, so that the same kernels run whatever the rows hold.
        length: most positions, prompt and new tokens together.
    """

    def __init__(self, model: Any, batch: int, length: int) -> None:
        config = model.config
        if not has_stepper(config):
            raise ModelError(f"a model of type {config.model_type!r} in this form has no stepper of its own")
        if config.model_type == "mistral" and (config.sliding_window or length) < length:
            raise ModelError(f"the text would outgrow the model's sliding window of {config.sliding_window}")
        self.n_heads, self.n_kv = config.num_attention_heads, config.num_key_value_heads
        self.head_dim = getattr(config, "head_dim", None) or config.hidden_size // self.n_heads
        self.eps, self.length, self.batch = config.rms_norm_eps, length, batch
        body = model.model
        self.table, self.head, self.norm = body.embed_tokens.weight, model.lm_head.weight, body.norm.weight
        self.layers = [_layer(layer) for layer in body.layers]
        dtype, device = self.table.dtype, self.table.device
        shape = (len(self.layers), batch, self.n_kv, length, self.head_dim)
        self.keys, self.values = (torch.zeros(shape, dtype=dtype, device=device) for _ in range(2))
        positions = torch.arange(length, device=device)
        self.cos, self.sin = (t[0] for t in body.rotary_emb(self.table[:1].unsqueeze(0), positions.unsqueeze(0)))
        self.start = torch.zeros(batch, dtype=torch.long, device=device)

    def embed(self, ids: Tensor) -> Tensor:
        """Return the input embeddings (..., width) of token ids."""
        return functional.embedding(ids, self.table)

    def prefill(self, embeddings: Tensor, start: Tensor) -> Tensor:
        """Read the prompts and return the logits (batch, vocabulary) after their last token.

        Args:
            embeddings: (batch, t, width), padded on the left.
            start: int64 (batch), the first position of each row that is not padding.
        """
        t = embeddings.shape[1]
        self.start = start
        at = torch.arange(t, device=embeddings.device)
        allowed = (at[None, :] <= at[:, None])[None] & (at[None, None, :] >= start[:, None, None])
        allowed |= torch.eye(t, dtype=torch.bool, device=at.device)  # a padding row looks at itself, else it is NaN
        places = (at[None, :] - start[:, None]).clamp(min=0)
        x = self._layers(embeddings, places, 0, allowed.unsqueeze(1))
        return self._logits(x[:, -1])

    def step(self, ids: Tensor, position: int) -> Tensor:
        """Append one token per row at `position` of the cache and return the next logits (batch, vocabulary)."""
        at = torch.arange(position + 1, device=ids.device)
        allowed = (at[None, :] >= self.start[:, None])[:, None, None, :]
        places = (position - self.start).unsqueeze(1)
        return self._logits(self._layers(self.embed(ids).unsqueeze(1), places, position, allowed)[:, -1])

    def _layers(self, x: Tensor, places: Tensor, position: int, allowed: Tensor) -> Tensor:
        n, t, _ = x.shape
        heads = [self.n_heads, self.n_kv, self.n_kv]
        cos, sin = self.cos[places].unsqueeze(2), self.sin[places].unsqueeze(2)  # (n, t, 1, d)
        bias = torch.zeros(allowed.shape, dtype=x.dtype, device=x.device).masked_fill_(~allowed, float("-inf"))
        for i, layer in enumerate(self.layers):
            h = functional.rms_norm(x, (x.shape[-1],), layer["norm1"], self.eps)
            q, k, v = torch.split(functional.linear(h, layer["qkv"]).view(n, t, -1, self.head_dim), heads, dim=2)
            q, k = (q * cos + _half_turn(q) * sin, k * cos + _half_turn(k) * sin)
            self.keys[i, :, :, position : position + t] = k.transpose(1, 2)
            self.values[i, :, :, position : position + t] = v.transpose(1, 2)
            seen = slice(0, position + t)
            mixed = self._attend(q, self.keys[i, :, :, seen], self.values[i, :, :, seen], bias)
            x = x + functional.linear(mixed, layer["o"])
            h = functional.rms_norm(x, (x.shape[-1],), layer["norm2"], self.eps)
            gate, up = functional.linear(h, layer["gate_up"]).chunk(2, dim=-1)
            x = x + functional.linear(functional.silu(gate) * up, layer["down"])
        return x

    def _attend(self, q: Tensor, keys: Tensor, values: Tensor, bias: Tensor) -> Tensor:
        """Return attention (n, t, heads * d); query heads that share a key head stand as rows of one product."""
        n, t = q.shape[:2]
        share = self.n_heads // self.n_kv
        rows = q.view(n, t, self.n_kv, share, self.head_dim).permute(0, 2, 3, 1, 4)  # (n, kv, share, t, d)
        rows = rows.reshape(n, self.n_kv, share * t, self.head_dim) * self.head_dim**-0.5
        scores = (rows @ keys.transpose(2, 3)).view(n, self.n_kv, share, t, -1) + bias.unsqueeze(2)
        weights = torch.softmax(scores, dim=-1, dtype=torch.float32).to(q.dtype)
        mixed = weights.view(n, self.n_kv, share * t, -1) @ values
        mixed = mixed.view(n, self.n_kv, share, t, self.head_dim).permute(0, 3, 1, 2, 4)
        return mixed.reshape(n, t, self.n_heads * self.head_dim)

    def _logits(self, x: Tensor) -> Tensor:
        return functional.linear(functional.rms_norm(x, (x.shape[-1],), self.norm, self.eps), self.head)


def _half_turn(x: Tensor) -> Tensor:
    a, b = x.chunk(2, dim=-1)
    return torch.cat((-b, a), dim=-1)


def _layer(layer: Any) -> dict[str, Tensor]:
    attention, mlp = layer.self_attn, layer.mlp
    return {
        "qkv": torch.cat([p.weight for p in (attention.q_proj, attention.k_proj, attention.v_proj)]),
        "o": attention.o_proj.weight,
        "gate_up": torch.cat([mlp.gate_proj.weight, mlp.up_proj.weight]),
        "down": mlp.down_proj.weight,
        "norm1": layer.input_layernorm.weight,
        "norm2": layer.post_attention_layernorm.weight,
    }

"""Train a bridge: the language model learns to write a passage again from its vector alone.

Paraphrase objective of xRAG: minimise the cross-entropy of the passage's tokens after the prompt with the
soft tokens in it; the language model's own weights stay as they are.

    loss = - 1/|T| sum_t log p(text_t | prompt, soft(x + noise), text_<t)

Source: Cheng et al., xRAG, 2024 (arXiv 2405.13792v2), section 3.3 (paraphrase pretraining). We add low-rank
adapters, noise on the vector (interpolated vectors lie off the texts' own), a few of the passage's words in the
prompt of some passages, so that a label in the prompt is listened to, and, where asked for, the public words that the
noisy vector lies nearest to, as a decoder with `decode.words` will put them there. Two further terms are off unless
asked for: vectors between passages (`train.mix`), and the second stage's self-distillation (`train.distil`).
"""

import json
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from synthgen.core.errors import DataError, ModelError
from synthgen.core.seeds import SeedTree
from synthgen.decode.bridge import DESCRIPTION, WEIGHTS, Bridge, BridgeInfo
from synthgen.decode.projector import splice
from synthgen.decode.prompt_words import WordReader
from synthgen.decode.prompts import Template
from synthgen.decode.style_adapter import WEIGHTS as STYLE
from synthgen.decode.train.config import TrainBridgeConfig
from synthgen.decode.train.corpus import Passages
from synthgen.decode.train.distil import frozen_head_divergence, with_text
from synthgen.decode.train.head import frozen_head_loss
from synthgen.decode.train.mix import mixed
from synthgen.decode.train.trained import new_bridge, new_style

CURVE = "curve.jsonl"
STATE = "state.safetensors"
HINT_SHARE = 0.7  # of the passages get one or two of their words as the prompt
WORDS_SHARE = 0.75  # of the passages get words of the vocabulary, where the configuration allows any


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSet:
    """Passages and their vectors, the last `heldout` of them never trained on, and the words a vector is read in."""

    passages: Passages
    vectors: NDArray[np.float32]
    heldout: int
    reader: WordReader | None = None


class Trainer:
    """One training run: model, bridge, optimiser and where it stands."""

    def __init__(
        self,
        config: TrainBridgeConfig,
        model: nn.Module,
        tokenizer: Any,
        data: TrainingSet,
        beside: tuple[Bridge, int] | None = None,
    ) -> None:
        """Prepare a bridge of the configured shape; or, beside a bridge, a style of that rank in its frame."""
        self.config, self.model, self.tokenizer, self.data = config, model, tokenizer, data
        if (n := len(data.vectors) - data.heldout) < config.train.batch:
            raise DataError(f"{n} passages are left to train on, fewer than one batch of {config.train.batch}")
        self.seeds = SeedTree(config.train.seed).child("train-bridge")
        model.requires_grad_(requires_grad=False)
        part, dim = config.bridge, data.vectors.shape[1]
        trained = (
            new_bridge(part, model, dim, self.seeds) if beside is None else new_style(*beside, model, self.seeds)
        )
        self.projector, self.tensors, self.beside = trained.projector, trained.tensors, beside
        for module in (self.projector, model):
            module.to(config.train.device)
        self.optimizer = torch.optim.AdamW(list(self.tensors.values()), lr=config.train.rate, weight_decay=0.01)
        self.template = Template(part.template, part.soft_tokens, part.placeholder_id)
        self.step = self.before = 0  # taken here, and by the bridge this one starts from

    def batch(self, step: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the step's ids (n, length), vector mask, text mask and noisy vectors, from its stream."""
        config, rng = self.config.train, self.seeds.child("step", str(step)).generator()
        pool = self.data.vectors[: len(self.data.vectors) - self.data.heldout]
        rows = self.rows(step, len(pool))
        rows, vectors = mixed(rows, pool, config.mix, self.seeds.child("mix", str(step)).generator())
        noise = rng.standard_normal(vectors.shape, dtype=np.float32) / np.sqrt(vectors.shape[1], dtype=np.float32)
        vectors = vectors + noise * (rng.random((len(rows), 1), dtype=np.float32) * np.float32(config.noise))
        prompts = self.prompts(rows, vectors, rng)
        return (*self.frame(rows, prompts), torch.from_numpy(vectors).to(config.device))

    def rows(self, step: int, n: int) -> NDArray[np.int64]:
        """Return the step's rows, (batch,): epochs of all n rows, one after the other, each in its order."""
        places = np.arange(step * self.config.train.batch, (step + 1) * self.config.train.batch)
        orders = {e: self.seeds.child("epoch", str(e)).generator().permutation(n) for e in np.unique(places // n)}
        return np.array([orders[place // n][place % n] for place in places], dtype=np.int64)

    def prompts(self, rows: NDArray[np.int64], vectors: NDArray[np.float32], rng: np.random.Generator) -> list[str]:
        """Return what stands before the vector: up to two of the passage's words, then words read from the vector."""
        most = self.config.train.words
        said = (
            self.data.reader.read(vectors, most) if self.data.reader is not None and most > 0 else ((),) * len(rows)
        )
        asked = []
        for row, words in zip(rows, said, strict=True):
            use = 0 if rng.random() > HINT_SHARE else int(rng.integers(1, 3))
            n_words = 0 if most == 0 or rng.random() > WORDS_SHARE else int(rng.integers(1, most + 1))
            asked.append(" ".join((*self.data.passages.hints[row][:use], *words[:n_words])))
        return asked

    def frame(self, rows: NDArray[np.int64], prompts: Sequence[str]) -> tuple[Tensor, Tensor, Tensor]:
        """Return ids (n, longest), where the vector stands and where the text stands; longest ≤ `train.length`."""
        config, passages = self.config.train, self.data.passages
        heads = [self.template.tokens(self.tokenizer, prompt, config.max_prompt_tokens) for prompt in prompts]
        rooms = [
            min(int(passages.lengths[row]), config.length - len(head)) for row, head in zip(rows, heads, strict=True)
        ]
        longest = max(len(head) + room for head, room in zip(heads, rooms, strict=True))
        ids = np.full((len(rows), longest), self.tokenizer.eos_token_id, dtype=np.int64)
        is_vector, is_text = np.zeros(ids.shape, dtype=bool), np.zeros(ids.shape, dtype=bool)
        for i, (row, head, room) in enumerate(zip(rows, heads, rooms, strict=True)):
            ids[i, : len(head)] = head
            is_vector[i, : len(head)] = ids[i, : len(head)] == self.template.placeholder_id
            ids[i, len(head) : len(head) + room] = passages.tokens[row, :room]
            is_text[i, len(head) : len(head) + room] = True
        device = config.device
        return tuple(torch.from_numpy(a).to(device) for a in (ids, is_vector, is_text))  # type: ignore[return-value]

    def loss(
        self, ids: Tensor, is_vector: Tensor, is_text: Tensor, vectors: Tensor, distil: float = 0.0
    ) -> tuple[Tensor, int]:
        """Return the summed cross-entropy of the texts' tokens in nats, and their number.

        With `distil`, plus so much of the divergence from what the same model predicts where it was given the text.
        """
        table = self.model.get_input_embeddings()  # type: ignore[operator]
        embeddings = splice(table(ids.masked_fill(is_vector, 0)), self.projector(vectors), is_vector)
        predicts, head = is_text[:, 1:], self.model.get_output_embeddings().weight  # type: ignore[operator]
        hidden = self._hidden(embeddings)[:, :-1][predicts]
        total = frozen_head_loss(hidden, head, ids[:, 1:][predicts])
        if distil > 0:
            with torch.no_grad():
                full_ids, predicted = with_text(ids, is_vector, is_text, int(self.tokenizer.eos_token_id))
                teacher = self._hidden(table(full_ids))[:, :-1][predicted[:, 1:]]
            total = total + distil * frozen_head_divergence(hidden, head, teacher)
        return total, int(predicts.sum())

    def _hidden(self, embeddings: Tensor) -> Tensor:
        return self.model.base_model(inputs_embeds=embeddings, use_cache=False).last_hidden_state  # type: ignore[operator,no-any-return]

    def rate(self, step: int) -> float:
        """Return the learning rate: linear warm-up, constant, then linear to zero over the last `decay` steps."""
        t = self.config.train
        return t.rate * min(1.0, (step + 1) / t.warmup, (t.steps - step) / t.decay)

    def train_step(self) -> float:
        """Take one step and return its loss in nats per token."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(self.step)
        total, n = self.loss(*self.batch(self.step), distil=self.config.train.distil)
        loss = total / n
        loss.backward()  # type: ignore[no-untyped-call]
        value, norm = float(loss.detach()), float(nn.utils.clip_grad_norm_(self.tensors.values(), 1.0))
        if not (math.isfinite(value) and math.isfinite(norm)):  # before the step, so no checkpoint can hold it
            raise ModelError(f"training diverged at step {self.step + 1}", hint="Lower train.rate and start again.")
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        return value

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """Return held-out loss per token (nats) with each passage's own vector and with another passage's.

        Where the bridge is trained with words, "told" is the loss with its own vector and half the words allowed.
        """
        n, held, size = len(self.data.vectors), self.data.heldout, self.config.train.batch
        half = (self.config.train.words + 1) // 2
        sums: dict[str, float] = dict.fromkeys(("own", "other", "told") if half > 0 else ("own", "other"), 0.0)
        tokens = 0
        for start in range(n - held, n, size):
            rows = np.arange(start, min(start + size, n))
            plain = [" ".join(self.data.passages.hints[row][:1]) for row in rows]
            for name in sums:
                vectors = self.data.vectors[np.roll(rows, 1) if name == "other" else rows]
                prompts = plain
                if name == "told" and self.data.reader is not None:
                    prompts = [
                        " ".join((p, *w)) for p, w in zip(plain, self.data.reader.read(vectors, half), strict=True)
                    ]
                framed = self.frame(rows, prompts)
                total, count = self.loss(*framed, torch.from_numpy(vectors).to(self.config.train.device))
                sums[name] += float(total)
            tokens += count
        return {name: value / tokens for name, value in sums.items()}

    def start_from(self, bridge: Bridge) -> None:
        """Take over a trained bridge's weights; the optimiser starts afresh.

        Raises:
            ModelError: when the bridge has another shape or another frame.
        """
        given = {f"projector.{k}": v for k, v in bridge.projector.state_dict().items()} | bridge.adapters
        wanted = {name: tensor.shape for name, tensor in self.tensors.items()}
        same_frame = (bridge.info.template, bridge.info.placeholder_id) == (
            self.template.text,
            self.template.placeholder_id,
        )
        if {name: tensor.shape for name, tensor in given.items()} != wanted or not same_frame:
            raise ModelError("start: a bridge of another shape or template", hint="Write the same `bridge` part.")
        with torch.no_grad():
            for name, tensor in self.tensors.items():
                tensor.copy_(given[name])
        self.before = bridge.info.steps

    def save(self, folder: Path) -> None:
        """Write the checkpoint so that a stop at any moment leaves the old one or the new one, never half."""
        state = {name: t.detach().cpu().contiguous() for name, t in self.tensors.items()}
        for name, tensor in self.tensors.items():
            for key, value in self.optimizer.state[tensor].items():
                state[f"optimizer.{key}.{name}"] = value.detach().cpu().contiguous()
        _replace(folder / STATE, lambda path: save_file(state, path, metadata={"step": str(self.step)}))

    def resume(self, folder: Path) -> None:
        """Go on from the folder's checkpoint, if there is one.

        Raises:
            ModelError: when the checkpoint is damaged or of a bridge of another shape.
        """
        if not (folder / STATE).exists():
            return
        try:
            state = load_file(folder / STATE)
        except SafetensorError as error:
            raise ModelError(f"{folder / STATE}: damaged", hint="Remove it to start again.") from error
        shapes = {name: tensor.shape for name, tensor in state.items() if not name.startswith("optimizer.")}
        if shapes != {name: tensor.shape for name, tensor in self.tensors.items()}:
            raise ModelError(f"{folder / STATE}: a checkpoint of another bridge", hint="Choose another `out`.")
        with torch.no_grad():
            for name, tensor in self.tensors.items():
                tensor.copy_(state[name])
        for name, tensor in self.tensors.items():
            self.optimizer.state[tensor] = {
                "step": state[f"optimizer.step.{name}"].clone(),  # stays on the CPU, as the optimiser keeps it
                "exp_avg": state[f"optimizer.exp_avg.{name}"].to(tensor.device, copy=True),
                "exp_avg_sq": state[f"optimizer.exp_avg_sq.{name}"].to(tensor.device, copy=True),
            }
        self.step = int(next(iter(self.optimizer.state.values()))["step"])

    def export(self, folder: Path) -> None:
        """Write the bridge, bfloat16 tensors and the description; of a style the tensors, which need a card."""
        tensors = {n: t.detach().to(torch.bfloat16).cpu().contiguous() for n, t in self.tensors.items()}
        if self.beside is not None:
            _replace(folder / STYLE, lambda path: save_file(tensors, path))
            return
        part = self.config.bridge
        info = BridgeInfo(
            encoder=self.config.encoder,
            decoder=self.config.decoder,
            dim=self.data.vectors.shape[1],
            width=self.model.get_input_embeddings().weight.shape[1],  # type: ignore[operator]
            hidden=part.hidden,
            n_soft=part.soft_tokens,
            template=part.template,
            placeholder_id=part.placeholder_id,
            adapter_rank=part.adapter_rank,
            adapter_targets=part.adapter_targets if part.adapter_rank else (),
            max_text_tokens=self.data.passages.tokens.shape[1],
            steps=self.before + self.step,
        )
        _replace(folder / WEIGHTS, lambda path: save_file(tensors, path))
        _replace(folder / DESCRIPTION, lambda path: path.write_text(info.model_dump_json(indent=2) + "\n"))


def run_training(trainer: Trainer, folder: Path, advance: Callable[[int], None]) -> Path:
    """Train to the configured number of steps, with checkpoints and a held-out curve; return the bridge's folder."""
    config = trainer.config.train
    folder.mkdir(parents=True, exist_ok=True)
    trainer.resume(folder)
    advance(trainer.step)
    started, first = time.monotonic(), trainer.step
    losses: list[float] = []
    while trainer.step < config.steps:
        losses.append(trainer.train_step())
        last = trainer.step == config.steps
        advance(1)
        if last or trainer.step % config.evaluate_every == 0:
            speed = (time.monotonic() - started) / (trainer.step - first)
            line = {"step": trainer.step, "train": float(np.mean(losses)), **trainer.evaluate(), "s_per_step": speed}
            with (folder / CURVE).open("a") as file:
                file.write(json.dumps({k: round(v, 4) for k, v in line.items()}) + "\n")
            losses.clear()
        if last or trainer.step % config.checkpoint_every == 0:
            trainer.save(folder)
            trainer.export(folder)
    return folder


def _replace(path: Path, write: Callable[[Path], Any]) -> None:
    partial = path.with_name(path.name + ".partial")
    write(partial)
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(path)

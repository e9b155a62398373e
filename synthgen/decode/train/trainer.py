"""Train a bridge, or a style adapter for a bridge, so that a language model reproduces a text from the text's vector.

A bridge consists of a projector, which maps a vector to soft tokens (input embeddings of the model), and of low-rank
adapters of the model. A style adapter consists of further low-rank adapters, with which a bridge writes in the style
of their training texts. The training texts are called passages. The model reads a prompt and the soft tokens of a
noisy vector, and then predicts the passage:

    loss = - 1/T · Σ_t log p(text_t | prompt, soft(x + noise), text_<t)

T is the number of tokens of the passage, text_t its token t, x its vector, and soft the projector. Noise is added
because a run decodes interpolated vectors, which are not the vector of any text. In a run, the prompt names a label.
Passages have no labels, so most training prompts contain characteristic words of the passage instead. They can also
contain prompt words (words of a public vocabulary near the noisy vector), as in a run with `decode.words` above 0.

Reference: Cheng et al., xRAG, 2024 (arXiv 2405.13792v2), section 3.3 (paraphrase pretraining). The noise, the prompts
and the low-rank adapters are additions of this project.
"""

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
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
from synthgen.core.files import write_by
from synthgen.core.seeds import SeedTree
from synthgen.decode.bridge import DESCRIPTION, WEIGHTS, Bridge, BridgeInfo
from synthgen.decode.projector import splice
from synthgen.decode.prompt_words import WordReader
from synthgen.decode.prompts import Template
from synthgen.decode.style_adapter import WEIGHTS as STYLE
from synthgen.decode.train.config import TrainBridgeConfig
from synthgen.decode.train.corpus import Passages, mix_vectors
from synthgen.decode.train.families import shape_of
from synthgen.decode.train.losses import frozen_head_divergence, frozen_head_loss, teacher_inputs
from synthgen.decode.train.new_tensors import new_bridge, new_style, recompute_activations
from synthgen.decode.train.processes import Processes

CURVE = "curve.jsonl"  # name of the file with the losses
STATE = "state.safetensors"  # name of the file with the checkpoint
HINT_SHARE = 0.7  # probability that a prompt contains one or two characteristic words, if the passage has any
WORDS_SHARE = 0.75  # probability that a prompt contains prompt words, if `train.words` is not 0
ALONE = Processes()  # for a training with one process


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedPassages:
    """Passages with their vectors."""

    passages: Passages
    vectors: NDArray[np.float32]  # (n, d), in the order of the passages
    heldout: int  # number of passages at the end of `passages` that are not trained on
    reader: WordReader | None = None  # chooses the prompt words; None if the bridge has no vocabulary


class Trainer:
    """One training: the language model, the trained tensors, the optimizer and the number of finished steps.

    Without `style_of`, a new bridge is trained. With `style_of` (a bridge and a rank), a style adapter of this rank
    is trained for this bridge.

    Raises:
        DataError: `train.batch` exceeds the number of training passages, or is below the number of processes.
        ModelError: the model lacks layers to adapt, or does not fit the configured shape or the bridge of `style_of`.
    """

    def __init__(
        self,
        config: TrainBridgeConfig,
        model: nn.Module,
        tokenizer: Any,
        data: EmbeddedPassages,
        style_of: tuple[Bridge, int] | None = None,
        *,
        processes: Processes = ALONE,
    ) -> None:
        self.config, self.model, self.tokenizer, self.data = config, model, tokenizer, data
        self.processes, self.device = processes, processes.device(config.train.device)
        if (n := len(data.vectors) - data.heldout) < config.train.batch:
            message = f"there are only {n} training passages, but a batch has {config.train.batch}"
            raise DataError(message, hint="Add passages, or lower train.batch.")
        if config.train.batch < processes.count:
            n_processes = f"the number of processes, {processes.count}"
            raise DataError(f"train.batch is {config.train.batch}, but must be at least {n_processes}")
        self.seeds = SeedTree(config.train.seed).child("train-bridge")
        model.requires_grad_(requires_grad=False)
        self.shape = shape_of(config.bridge, model, tokenizer)
        if style_of is None:
            trained = new_bridge(self.shape, model, data.vectors.shape[1], self.seeds)
        else:
            trained = new_style(*style_of, model, self.seeds)
        (self.projector, self.tensors), self.style_of = trained, style_of
        for module in (self.projector, model):
            module.to(self.device)
        if config.train.gradient_checkpointing:
            recompute_activations(model)
        self.optimizer = torch.optim.AdamW(list(self.tensors.values()), lr=config.train.rate, weight_decay=0.01)
        self.template = Template(self.shape.template, self.shape.soft_tokens, self.shape.placeholder_id)
        # finished steps of this training, and of the bridge given to `start_from`
        self.step = self.steps_before = 0

    def batch(self, step: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the batch of a step: ids and two masks (see `frame`), and the noisy vectors, float32 (batch, d).

        `mix_vectors` first replaces some vectors. The noise is u · z / √d, with u ~ U(0, `train.noise`), z ~ N(0, I).

        Randomness: the streams step/`step` and mix/`step`; for the choice of passages, see `rows`.
        """
        config, rng = self.config.train, self.seeds.child("step", str(step)).generator()
        pool = self.data.vectors[: len(self.data.vectors) - self.data.heldout]
        rows = self.rows(step, len(pool))
        rows, vectors = mix_vectors(rows, pool, config.mix, self.seeds.child("mix", str(step)).generator())
        noise = rng.standard_normal(vectors.shape, dtype=np.float32) / np.sqrt(vectors.shape[1], dtype=np.float32)
        vectors = vectors + noise * (rng.random((len(rows), 1), dtype=np.float32) * np.float32(config.noise))
        prompts = self.prompts(rows, vectors, rng)
        return (*self.frame(rows, prompts), torch.from_numpy(vectors).to(self.device))

    def rows(self, step: int, n: int) -> NDArray[np.int64]:
        """Return the row numbers of the passages of a step, int64 (batch); the stream epoch/e orders epoch e."""
        places = np.arange(step * self.config.train.batch, (step + 1) * self.config.train.batch)
        orders = {e: self.seeds.child("epoch", str(e)).generator().permutation(n) for e in np.unique(places // n)}
        return np.array([orders[place // n][place % n] for place in places], dtype=np.int64)

    def prompts(self, rows: NDArray[np.int64], vectors: NDArray[np.float32], rng: np.random.Generator) -> list[str]:
        """Return prompts: up to two characteristic words of the passage, then up to `train.words` prompt words."""
        limit, reader = self.config.train.words, self.data.reader
        words_of = reader.read(vectors, limit) if reader is not None and limit > 0 else ((),) * len(rows)
        prompts = []
        for row, words in zip(rows, words_of, strict=True):
            n_hints = 0 if rng.random() > HINT_SHARE else int(rng.integers(1, 3))
            n_words = 0 if limit == 0 or rng.random() > WORDS_SHARE else int(rng.integers(1, limit + 1))
            prompts.append(" ".join((*self.data.passages.hints[row][:n_hints], *words[:n_words])))
        return prompts

    def frame(self, rows: NDArray[np.int64], prompts: Sequence[str]) -> tuple[Tensor, Tensor, Tensor]:
        """Return the token ids of the inputs, int64 (n, longest), and two masks of this shape.

        An input consists of the filled template, the passage and padding. The template contains the prompt, and
        placeholders for the soft tokens. The passage is cut so that the input has at most `train.length` tokens. The
        first mask marks the placeholders, and the second mask the passage.
        """
        config, passages = self.config.train, self.data.passages
        openings = [self.template.tokens(self.tokenizer, prompt, config.max_prompt_tokens) for prompt in prompts]
        lengths = passages.lengths[rows].tolist()
        rooms = [min(n, config.length - len(opening)) for n, opening in zip(lengths, openings, strict=True)]
        longest = max(len(opening) + room for opening, room in zip(openings, rooms, strict=True))
        ids = np.full((len(rows), longest), self.tokenizer.eos_token_id, dtype=np.int64)
        is_vector, is_text = np.zeros(ids.shape, dtype=bool), np.zeros(ids.shape, dtype=bool)
        for i, (row, opening, room) in enumerate(zip(rows, openings, rooms, strict=True)):
            ids[i, : len(opening)] = opening
            is_vector[i, : len(opening)] = ids[i, : len(opening)] == self.template.placeholder_id
            ids[i, len(opening) : len(opening) + room] = passages.tokens[row, :room]
            is_text[i, len(opening) : len(opening) + room] = True
        return tuple(torch.from_numpy(a).to(self.device) for a in (ids, is_vector, is_text))  # type: ignore[return-value]

    def loss(
        self, ids: Tensor, is_vector: Tensor, is_text: Tensor, vectors: Tensor, distil: float = 0
    ) -> tuple[Tensor, int]:
        """Return the cross-entropy in nats, summed over the tokens of the passages, and the number of these tokens.

        With `distil` > 0, the sum includes `distil` times the self-distillation loss (`frozen_head_divergence`). Its
        teacher is the same model, which reads the passage itself in place of the vector.
        """
        table = self.model.get_input_embeddings()  # type: ignore[operator]
        embeddings = splice(table(ids.masked_fill(is_vector, 0)), self.projector(vectors), is_vector)
        predicts, weight = is_text[:, 1:], self.model.get_output_embeddings().weight  # type: ignore[operator]
        hidden = self._hidden(embeddings)[:, :-1][predicts]
        total = frozen_head_loss(hidden, weight, ids[:, 1:][predicts])
        if distil > 0:
            with torch.no_grad():
                full_ids, predicted = teacher_inputs(ids, is_vector, is_text, int(self.tokenizer.eos_token_id))
                teacher = self._hidden(table(full_ids))[:, :-1][predicted[:, 1:]]
            total = total + distil * frozen_head_divergence(hidden, weight, teacher)
        return total, int(predicts.sum())

    def _hidden(self, embeddings: Tensor) -> Tensor:
        return self.model.base_model(inputs_embeds=embeddings, use_cache=False).last_hidden_state  # type: ignore[operator,no-any-return]

    def rate(self, step: int) -> float:
        """Return the learning rate: a linear rise, a constant, and a linear fall over the last `decay` steps."""
        config = self.config.train
        return config.rate * min(1.0, (step + 1) / config.warmup, (config.steps - step) / config.decay)

    def train_step(self) -> float:
        """Take one step and return its loss in nats per token; raise ModelError if loss or gradient is not finite."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(self.step)
        ids, is_vector, is_text, vectors = (self.processes.own(part) for part in self.batch(self.step))
        total, n = self.loss(ids, is_vector, is_text, vectors, distil=self.config.train.distil)
        n_all = torch.tensor(float(n), device=self.device)
        self.processes.add([n_all])
        loss = total / n_all
        loss.backward()  # type: ignore[no-untyped-call]
        batch_loss = loss.detach().clone()
        self.processes.add([batch_loss, *(t.grad for t in self.tensors.values() if t.grad is not None)])
        value, norm = float(batch_loss), float(nn.utils.clip_grad_norm_(self.tensors.values(), 1.0))
        # tested before the weights change, so every checkpoint has finite weights
        if not (math.isfinite(value) and math.isfinite(norm)):
            raise ModelError(f"training diverged at step {self.step + 1}", hint="Lower train.rate and start again.")
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        return value

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """Return losses by name, in nats per token of the held-out passages.

        - "own": with the passage's vector; the prompt is the passage's most characteristic word, if it has one.
        - "other": as "own", but with the vector of the previous passage of the batch (cyclically).
        - "prompted", only if `train.words` is not 0: as "own", but the prompt also contains prompt words, half of
          `train.words` (rounded up).
        """
        n, size, reader = len(self.data.vectors), self.config.train.batch, self.data.reader
        half = (self.config.train.words + 1) // 2
        sums: dict[str, float] = dict.fromkeys(("own", "other", "prompted") if half > 0 else ("own", "other"), 0.0)
        tokens = 0
        for start in range(n - self.data.heldout, n, size):
            rows = np.arange(start, min(start + size, n))
            hints = [" ".join(self.data.passages.hints[row][:1]) for row in rows]
            for name in sums:
                vectors = self.data.vectors[np.roll(rows, 1) if name == "other" else rows]
                prompts = hints
                if name == "prompted" and reader is not None:
                    prompts = [" ".join((p, *w)) for p, w in zip(hints, reader.read(vectors, half), strict=True)]
                framed = self.frame(rows, prompts)
                total, count = self.loss(*framed, torch.from_numpy(vectors).to(self.device))
                sums[name] += float(total)
            tokens += count
        return {name: value / tokens for name, value in sums.items()}

    def start_from(self, bridge: Bridge) -> None:
        """Start from the weights of `bridge`; raise ModelError if its shape or template is not the configured one."""
        tensors = {f"projector.{k}": v for k, v in bridge.projector.state_dict().items()} | bridge.adapters
        configured, info = self.template, bridge.info
        has_same_frame = (info.template, info.placeholder_id) == (configured.text, configured.placeholder_id)
        if _shapes(tensors) != _shapes(self.tensors) or not has_same_frame:
            hint = "Set the section `bridge` to the values of the bridge that `start` names."
            raise ModelError("start: this bridge has another shape or template than the section `bridge`", hint=hint)
        self._copy_tensors(tensors)
        self.steps_before = info.steps

    @torch.no_grad()
    def _copy_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        for name, tensor in self.tensors.items():
            tensor.copy_(tensors[name])

    def save(self, folder: Path) -> None:
        """Write a checkpoint: the trained tensors, and the optimizer's state with the step number."""
        state = {name: t.detach().cpu().contiguous() for name, t in self.tensors.items()}
        for name, tensor in self.tensors.items():
            for key, value in self.optimizer.state[tensor].items():
                state[f"optimizer.{key}.{name}"] = value.detach().cpu().contiguous()
        write_by(folder / STATE, lambda path: save_file(state, path, metadata={"step": str(self.step)}))

    def resume(self, folder: Path) -> None:
        """Continue from the folder's checkpoint, if any; raise ModelError if it is damaged or has other shapes."""
        if not (folder / STATE).exists():
            return
        try:
            state = load_file(folder / STATE)
        except SafetensorError as error:
            hint = "Remove this file to start the training from the beginning."
            raise ModelError(f"{folder / STATE}: the checkpoint is damaged", hint=hint) from error
        if _shapes({k: v for k, v in state.items() if not k.startswith("optimizer.")}) != _shapes(self.tensors):
            hint = "Choose another output folder."
            raise ModelError(f"{folder / STATE}: the shapes of the tensors do not fit this training", hint=hint)
        self._copy_tensors(state)
        for name, tensor in self.tensors.items():
            self.optimizer.state[tensor] = {
                "step": state[f"optimizer.step.{name}"].clone(),  # stays on the CPU
                "exp_avg": state[f"optimizer.exp_avg.{name}"].to(tensor.device, copy=True),
                "exp_avg_sq": state[f"optimizer.exp_avg_sq.{name}"].to(tensor.device, copy=True),
            }
        self.step = int(next(iter(self.optimizer.state.values()))["step"])

    def export(self, folder: Path) -> None:
        """Write the tensors in bfloat16, and for a bridge also the description."""
        tensors = {n: t.detach().to(torch.bfloat16).cpu().contiguous() for n, t in self.tensors.items()}
        if self.style_of is not None:
            write_by(folder / STYLE, lambda path: save_file(tensors, path))
            return
        shape = self.shape
        info = BridgeInfo(
            encoder=self.config.encoder,
            decoder=self.config.decoder,
            dim=self.data.vectors.shape[1],
            width=self.model.get_input_embeddings().weight.shape[1],  # type: ignore[operator]
            n_soft=shape.soft_tokens,
            hidden=shape.hidden,
            template=shape.template,
            placeholder_id=shape.placeholder_id,
            adapter_rank=shape.adapter_rank,
            adapter_targets=shape.adapter_targets if shape.adapter_rank else (),
            max_text_tokens=self.data.passages.tokens.shape[1],
            steps=self.steps_before + self.step,
        )
        write_by(folder / WEIGHTS, lambda path: save_file(tensors, path))
        write_by(folder / DESCRIPTION, lambda path: path.write_text(info.model_dump_json(indent=2) + "\n"))


def run_training(trainer: Trainer, folder: Path, advance: Callable[[int], None]) -> Path:
    """Train, and write checkpoints, the trained tensors and the held-out losses into `folder`; return the folder.

    `advance` is called first with the number of steps of an existing checkpoint (or 0), and with 1 after each step.
    """
    config = trainer.config.train
    folder.mkdir(parents=True, exist_ok=True)
    trainer.resume(folder)
    advance(trainer.step)
    started, first_step = time.monotonic(), trainer.step
    losses: list[float] = []
    while trainer.step < config.steps:
        losses.append(trainer.train_step())
        is_last = trainer.step == config.steps
        advance(1)
        if not trainer.processes.is_main:
            continue
        if is_last or trainer.step % config.evaluate_every == 0:
            pace = (time.monotonic() - started) / (trainer.step - first_step)  # in seconds per step
            line = {"step": trainer.step, "train": float(np.mean(losses)), **trainer.evaluate(), "s_per_step": pace}
            with (folder / CURVE).open("a") as file:
                file.write(json.dumps({k: round(v, 4) for k, v in line.items()}) + "\n")
            losses.clear()
        if is_last or trainer.step % config.checkpoint_every == 0:
            trainer.save(folder)
            trainer.export(folder)
    trainer.processes.wait()
    return folder


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in tensors.items()}

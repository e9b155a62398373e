"""Domain adaptation: the bridge refined on the run's own train text. Off unless asked for."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from audits.gate.policy import Policy
from synthgen.core.errors import ConfigError, InternalError, ModelError
from synthgen.core.types import Corpus
from synthgen.decode.bridge import Bridge, Vocabulary, load_bridge
from synthgen.decode.config import AdaptConfig
from synthgen.decode.loading import load_model
from synthgen.decode.prompts import label_prompt
from synthgen.decode.train.config import refining
from synthgen.decode.train.corpus import Passages, prepare
from synthgen.decode.train.trainer import STATE, Trainer, TrainingSet, run_training
from synthgen.decode.xrag import WORD_TOKENS
from synthgen.embed import Encoder
from synthgen.embed.segmented import SegmentedEncoder
from synthgen.pipeline.job import STAGES_VERSION, Job
from synthgen.pipeline.segments import section_prompt
from synthgen.pipeline.workspace import StageResult

LABEL_TOKENS = 16  # of a label's prompt that are trained with
HELDOUT = 0.05  # of the records, for the curve alone
WARNING = (
    "decode.adapt: the decoder is refined on the private train text and can repeat it word for word; the audits "
    "measure what it gives away, and nothing bounds it"
)


def check_adapt(config: AdaptConfig | None, policy: Policy) -> None:
    """Raise ConfigError where a policy asks for differential privacy: plain gradients of train text have none."""
    if config is not None and policy.dp is not None:
        raise ConfigError(
            f"decode.adapt: policy {policy.name!r} asks for differential privacy, and this training has none",
            problems=["decode.adapt"],
            hint="Leave decode.adapt out; under such a policy the bridge may be refined by DP-SGD alone.",
        )


def adapt(
    job: Job, part: AdaptConfig, bridge: Bridge | Vocabulary, train: Corpus, encoder: Encoder, upstream: str
) -> tuple[Bridge, StageResult]:
    """Return the bridge refined on train, by the objective it was trained with, and the stage that did it.

    Each record, or where records are cut each of its segments, is one text, cut to its first whole sentences that the
    bridge has room for; the prompt is the one it gets when decoding, without the text before a segment. A stopped run
    goes on from its last checkpoint.

    Raises:
        ModelError: when words are asked for and the bridge has no vocabulary.
        DataError: when train holds fewer records than one batch.

    Privacy: the weights of the bridge become functions of train text, beyond what the vectors carry. They stay in the
        workspace and are in no bundle; texts decoded with them can hold train text word for word.
    Random: seeds/adapt; the order of the records, the noise on their vectors, how much of a prompt they get.
    Source: the objective is that of `train-bridge`; see `synthgen.decode.train.trainer`.
    """
    if isinstance(bridge, Vocabulary):
        raise InternalError("a vocabulary cannot be refined, and the configuration lets none be asked to")
    seeds = job.seeds.child("adapt")
    words = job.config.decode.words
    if words > 0 and bridge.words is None:
        raise ModelError("decode.words: this bridge has no vocabulary", hint="Leave decode.words out.")
    folder = job.folder(job.config.decode.model)
    trained = {
        "steps": part.steps,
        "batch": part.batch,
        "rate": part.rate,
        "words": words,
        "seed": int.from_bytes(seeds.key()[:6], "big"),
    }
    config = refining(bridge.info, "adapt", LABEL_TOKENS + WORD_TOKENS * words, trained)

    def make(out: Path) -> Mapping[str, object]:
        loaded = load_model(folder)
        room = config.train.length - config.train.max_prompt_tokens - config.bridge.soft_tokens
        whole = written_parts(encoder, train, job.config.decode.prompt)
        texts = [text for record in whole for text, _ in record]
        cut = prepare(texts, loaded.tokenizer, room, {"train": len(texts)})
        passages = _with_labels(cut, [prompt for record in whole for _, prompt in record])
        n_heldout = _heldout(len(train))
        data = TrainingSet(
            passages=passages,
            vectors=job.encoder().encode(list(passages.texts)),
            heldout=sum(len(record) for record in whole[-n_heldout:]),
            reader=bridge.words if config.train.words > 0 else None,
        )
        trainer = Trainer(config, loaded.model, loaded.tokenizer, data)
        trainer.start_from(bridge)
        with job.progress.stage("adapt", total=config.train.steps, unit="steps") as advance:
            run_training(trainer, out, advance)
        (out / STATE).unlink()  # the optimiser's, of no use once the run is done
        return {"in": len(train), "out": len(train) - n_heldout, "steps": config.train.steps}

    inputs = {
        "version": STAGES_VERSION,
        "upstream": upstream,
        "encoder": encoder.digest,
        "bridge": bridge.digest,
        "config": config.model_dump(mode="json"),
        "prompt": job.config.decode.prompt,
        "seed": seeds.key().hex(),
    }
    result = job.workspace.stage("adapt", inputs, make, keep_partial=True)
    refined = load_bridge(str(result.folder))
    return Bridge(refined.info, refined.projector, refined.adapters, refined.digest, words=bridge.words), result


def written_parts(encoder: Encoder, train: Corpus, prompt: str) -> list[list[tuple[str, str]]]:
    """Return the texts of each record that are decoded one by one, with the prompt that each gets."""
    asked = [label_prompt(prompt, r.label) for r in train.records]
    if not isinstance(encoder, SegmentedEncoder):
        return [[(r.text, ask)] for r, ask in zip(train.records, asked, strict=True)]
    return [
        [(part.text, section_prompt(ask, part.heading)) for part in encoder.split(r.text)]
        for r, ask in zip(train.records, asked, strict=True)
    ]


def _heldout(n: int) -> int:
    return max(1, int(np.ceil(HELDOUT * n)))


def _with_labels(passages: Passages, prompts: list[str]) -> Passages:
    return Passages(
        texts=passages.texts,
        tokens=passages.tokens,
        lengths=passages.lengths,
        hints=tuple((prompt,) for prompt in prompts),
        sources=passages.sources,
    )

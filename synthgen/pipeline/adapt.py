"""Domain adaptation: the bridge refined on the run's own train text. Off by default."""

from collections.abc import Mapping

import numpy as np

from audits.gate.policy import Policy
from synthgen.core.errors import ConfigError, InternalError, ModelError
from synthgen.core.stage import Stage, StageContext, StageInput, plain_value
from synthgen.core.types import Corpus
from synthgen.decode.bridge import Bridge, Vocabulary, load_bridge
from synthgen.decode.config import AdaptConfig
from synthgen.decode.loading import load_model
from synthgen.decode.prompts import label_prompt
from synthgen.decode.stage import LIBRARIES
from synthgen.decode.train.config import refining
from synthgen.decode.train.corpus import Passages, prepare
from synthgen.decode.train.trainer import STATE, Trainer, TrainingSet, run_training
from synthgen.decode.xrag import WORD_TOKENS
from synthgen.embed import Encoder
from synthgen.embed.segmented import SegmentedEncoder
from synthgen.pipeline.job import Job
from synthgen.pipeline.segments import section_prompt
from synthgen.pipeline.workspace import StageResult

LABEL_TOKENS = 16  # of a label's prompt that are trained with
HELDOUT = 0.05  # of the records, for the curve alone
WARNING = (
    "decode.adapt: the decoder is refined on the private train text and can repeat it word for word; the audits "
    "measure what it reveals, and no privacy guarantee limits it"
)


def check_adapt(config: AdaptConfig | None, policy: Policy) -> None:
    """Raise ConfigError if the policy requires differential privacy: plain gradients of train text have none."""
    if config is not None and policy.dp is not None:
        raise ConfigError(
            f"decode.adapt: policy {policy.name!r} requires differential privacy, and this training has none",
            problems=["decode.adapt"],
            hint="Leave decode.adapt out; under such a policy the bridge may be refined by DP-SGD alone.",
        )


def adapt(
    job: Job, part: AdaptConfig, bridge: Bridge | Vocabulary, train: Corpus, encoder: Encoder, upstream: str
) -> tuple[Bridge, StageResult]:
    """Return the bridge refined on train, by the objective it was trained with, and the stage that did it.

    Each record, or each of its segments if records are cut, is one text. It is cut to its first whole sentences that
    the bridge has room for. The prompt is the one it gets in decode, without the text before a segment. An
    interrupted run continues from its last checkpoint.

    Raises:
        ModelError: `decode.words` is set and the bridge has no vocabulary.
        DataError: train holds fewer records than one batch.

    Privacy: the weights of the bridge become functions of train text, beyond what the vectors carry. They stay in the
        workspace and are in no bundle. Texts decoded with them can hold train text word for word.
    Randomness: stream `adapt`: the order of the records, the noise on their vectors, how much of a prompt they get.
    Reference: the objective is that of `train-bridge`; see `synthgen.decode.train.trainer`.
    """
    if isinstance(bridge, Vocabulary):
        raise InternalError("a vocabulary cannot be refined, and the configuration does not allow it")
    if job.config.decode.words > 0 and bridge.words is None:
        raise ModelError("decode.words: this bridge has no vocabulary", hint="Leave decode.words out.")
    inputs = {"train": StageInput(train, upstream), "adapt": plain_value(part)}
    result = job.run(
        ADAPT_STAGE, inputs, {"embedder": encoder, "bridge": bridge, "language model": job.language_model()}
    )
    refined = load_bridge(str(result.folder))
    return Bridge(refined.info, refined.projector, refined.adapters, refined.digest, words=bridge.words), result


def _adapt(context: StageContext) -> Mapping[str, object]:
    """Train the bridge and write it."""
    train, encoder, bridge = context.input("train"), context.model("embedder"), context.model("bridge")
    prompt, words, part = context.config("decode.prompt"), context.config("decode.words"), context.input("adapt")
    trained = {
        "steps": part.steps,
        "batch": part.batch,
        "rate": part.rate,
        "words": words,
        "seed": int.from_bytes(context.stream("adapt").key()[:6], "big"),
    }
    config = refining(bridge.info, "adapt", LABEL_TOKENS + WORD_TOKENS * words, trained)
    loaded = load_model(context.model("language model").value)
    room = config.train.length - config.train.max_prompt_tokens - config.bridge.soft_tokens
    whole = written_parts(encoder, train, prompt)
    texts = [text for record in whole for text, _ in record]
    cut = prepare(texts, loaded.tokenizer, room, {"train": len(texts)})
    passages = _with_labels(cut, [of_part for record in whole for _, of_part in record])
    n_heldout = _heldout(len(train))
    data = TrainingSet(
        passages=passages,
        vectors=unsegmented(encoder).encode(list(passages.texts)),
        heldout=sum(len(record) for record in whole[-n_heldout:]),
        reader=bridge.words if config.train.words > 0 else None,
    )
    trainer = Trainer(config, loaded.model, loaded.tokenizer, data)
    trainer.start_from(bridge)
    with context.progress.stage("adapt", total=config.train.steps, unit="steps") as advance:
        run_training(trainer, context.folder, advance)
    (context.folder / STATE).unlink()  # the optimiser's state, of no use after the training
    return {"in": len(train), "out": len(train) - n_heldout, "steps": config.train.steps}


ADAPT_STAGE = Stage(
    name="adapt",
    version=1,
    run=_adapt,
    config=("decode.prompt", "decode.words"),
    inputs=("train", "adapt"),
    models=("embedder", "bridge", "language model"),
    streams=("adapt",),
    libraries=LIBRARIES,
    keep_partial=True,
)


def unsegmented(encoder: Encoder) -> Encoder:
    """Return the encoder that encodes a text as a whole."""
    return encoder.encoder if isinstance(encoder, SegmentedEncoder) else encoder


def written_parts(encoder: Encoder, train: Corpus, prompt: str) -> list[list[tuple[str, str]]]:
    """Return the texts of each record that are decoded one by one, with the prompt that each gets."""
    prompts = [label_prompt(prompt, r.label) for r in train.records]
    if not isinstance(encoder, SegmentedEncoder):
        return [[(r.text, own)] for r, own in zip(train.records, prompts, strict=True)]
    return [
        [(part.text, section_prompt(own, part.heading)) for part in encoder.split(r.text)]
        for r, own in zip(train.records, prompts, strict=True)
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

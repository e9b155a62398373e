"""The order of the stages and of the rounds.

load -> split -> deidentify -> embed -> rounds of (interpolate -> decode -> re-embed -> filter) -> evaluate -> audit,
then the self-test of the audits if the policy requires it. Under differential privacy, the run reserves its budget in
the ledger after split and queries train once after embed; no later stage that writes text reads train. The gate and
the release are separate steps: see `synthgen.release.run`.
"""

from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Literal

from audits.gate.policy import Policy
from audits.gate.shipped import load_policy
from synthgen.config import Config
from synthgen.core.engine import require_engine
from synthgen.core.errors import UsageError
from synthgen.core.progress import Progress, silent
from synthgen.core.tables import read_corpus
from synthgen.decode.config import AUTO
from synthgen.decode.loading import backend_of
from synthgen.dp.measure import measure
from synthgen.dp.planned_queries import check_budget
from synthgen.dp.reserve import PAID, reserve_budget
from synthgen.embed import Encoder
from synthgen.models.shipped import check_shipped
from synthgen.models.store import digest_of
from synthgen.pipeline.calibrate import calibrate, is_due
from synthgen.pipeline.job import Job
from synthgen.pipeline.judge import (
    JudgedTables,
    attack,
    embed_control,
    evaluate_utility,
    register_attempt,
    synthetic_corpus,
)
from synthgen.pipeline.policy import policy_file
from synthgen.pipeline.prepare import (
    embed_train,
    load_source,
    read_prepared,
    refuse_untaught,
    replace_identifiers,
    split_source,
)
from synthgen.pipeline.record import ModelRecord, RunRecord
from synthgen.pipeline.rounds import TrainingView, Written, first_round, fitted_on, next_round, open_bridge, set_up
from synthgen.pipeline.segments import encoder_for
from synthgen.pipeline.style_choice import Shares, check_style, choose_style, refuse_learnt
from synthgen.pipeline.workspace import StageResult, Workspace
from synthgen.pipeline.write import (
    decode,
    embed_texts,
    filter_candidates,
    interpolate,
    reconstruction_latents,
    reconstructions_of,
    select,
    unwritten,
)
from synthgen.release.run import Run

STAGES = ("load", "split", "deidentify", "embed", "interpolate", "decode", "filter", "evaluate", "audit")
_WITHOUT_MODELS = ("load", "split", "deidentify")
_UNLEARNED = (*_WITHOUT_MODELS, "embed")  # process each person separately, so no budget is reserved yet


class Pipeline:
    """Runs a configuration in its workspace.

    Args:
        config: what to run.
        progress: receives the progress of each stage; ignored by default.

    Raises:
        DependencyError: if the extra `engine` is not installed.

    Example:
        Pipeline(Config.load("clinic.yaml")).run().decide().allowed
    """

    def __init__(self, config: Config, progress: Progress = silent) -> None:
        require_engine()
        self.config = config
        self.progress = progress

    def run(self, resume: Literal["auto", "never"] = "auto", until: str = "audit") -> Run:
        """Run what is missing up to and with the stage `until`, and return the run.

        Args:
            resume: "auto" reuses every finished result whose inputs are unchanged; "never" computes everything again,
                and reserves and spends the budget again.
            until: a stage; interpolate and decode are those of the first round, filter is that of the last.

        Raises:
            UsageError: if there is no such stage.
            SynthGenError: as the stages say.
            Interrupted: if another process has locked the workspace.
        """
        if until not in STAGES:
            raise UsageError(f"there is no stage {until!r}", hint=f"The stages are {', '.join(STAGES)}.")
        policy = load_policy(policy_file(self.config))
        check_style(self.config, policy)
        check_budget(self.config, policy)
        workspace = Workspace(self.config.resolve(self.config.workspace))
        with workspace.locked():
            job = Job(self.config, workspace, self.progress)
            models = [] if until in _WITHOUT_MODELS else _models(job)
            if resume == "never":  # after the check that no model is missing
                workspace.forget(keep=PAID)
            done = []
            for stage in _stages(job, policy, until, anew=resume == "never"):
                done.append(stage)
                if stage.name == until and until not in {"filter", STAGES[-1]}:
                    break
            record = RunRecord.of(self.config, done, models)
            record.write(workspace.root)
        return Run(self.config, workspace, record, policy)


def _stages(job: Job, policy: Policy, until: str, *, anew: bool) -> Iterator[StageResult]:
    """Run stage after stage; the caller may stop after any of them."""
    loaded = load_source(job)
    yield loaded
    parts = split_source(job, loaded)
    yield parts
    source = read_corpus(parts.folder / "train.parquet", "train")
    control_source = read_corpus(parts.folder / "control.parquet", "control")
    refuse_untaught(source, control_source)
    refuse_learnt(job.config, source, control_source)
    reservation = None
    if job.config.interpolate.is_private and until not in _UNLEARNED:
        reservation, reserved = reserve_budget(job, policy, source, control_source, spend_again=anew)
        yield reserved
    clean = replace_identifiers(job, loaded, parts)
    yield clean
    prepared = read_prepared(job, parts, clean)
    encoder = encoder_for(job, prepared.train)
    vectorised, embedded = embed_train(job, clean, prepared.train, encoder)
    yield vectorised
    measured = None
    if reservation is not None:
        measured, answered = measure(job, prepared.train, embedded, reservation, encoder.digest)
        yield answered
    shares = None if measured is None else measured.shares
    training_view = (
        fitted_on(job, prepared.train, embedded, vectorised.digest) if measured is None else measured.training_view
    )
    written = yield from write_records(job, training_view, encoder, shares)
    if until == "filter":
        return

    synthetic = synthetic_corpus(job, written)
    attempt = register_attempt(job, written, prepared, control_source)
    control, control_vectors = embed_control(job, prepared.control, encoder)
    yield control
    vectors = {"train": embedded.vectors, "control": control_vectors, "synthetic": written.vectors}
    tables = JudgedTables(
        synthetic=synthetic,
        train=prepared.train,
        control=prepared.control,
        vectors=vectors,
        mechanism=None if measured is None else measured.log,
    )
    evaluated = evaluate_utility(job, tables, written, encoder, attempt)
    yield evaluated
    audited = attack(job, tables, prepared, written, evaluated, attempt)
    yield audited
    if is_due(audited, policy):
        yield calibrate(job, tables, policy)


def write_records(
    job: Job, training_view: TrainingView, encoder: Encoder, learned: Shares | None = None
) -> Generator[StageResult, None, Written]:
    """Run the rounds of writing, yield each stage as it ends, and return the records.

    Vectors are drawn, decoded into several candidates each, re-embedded and filtered. If a class then lacks records,
    another round makes more of it: see `next_round`.

    Args:
        job: the run.
        training_view: train, or its substitute under differential privacy.
        encoder: what made its vectors.
        learned: the styles chosen by the DP vote; None if there was no vote.
    """
    bridge, train, upstream = open_bridge(job, learned), training_view.train, training_view.digest
    if learned is None and job.config.decode.style == AUTO:
        bridge, chosen = choose_style(job, bridge, train, encoder, upstream)
        yield chosen
    setup = set_up(job, training_view, encoder, bridge)

    real = reconstruction_latents(job, setup)
    texts, decoded = decode(job, setup, real, upstream, "-reconstruction", 1)
    yield decoded
    vectors, embedding = embed_texts(job, setup, texts, decoded, "-reconstruction")
    yield embedding
    reconstructions = reconstructions_of(real, texts, vectors)

    state = first_round(setup, embedding)
    while True:
        latents, interpolated = interpolate(job, setup, state)
        yield interpolated
        new = unwritten(latents, state.candidates)
        texts, decoded = decode(job, setup, new, interpolated.digest, state.suffix, job.config.decode.candidates)
        yield decoded
        vectors, embedding = embed_texts(job, setup, texts, decoded, state.suffix)
        yield embedding
        judged = state.plus(texts, vectors, embedding)
        kept, filtered = filter_candidates(job, setup, judged, latents, reconstructions)
        yield filtered
        judged = replace(judged, kept=kept)
        following = next_round(setup, state, judged)
        if following is None:
            return select(job, setup, judged, latents, filtered)
        state = following


def _models(job: Job) -> list[ModelRecord]:
    """Return the models with their digests, checked against the store's pins, before any work starts.

    Raises:
        ModelMissing, ModelError: a model is missing or is not the pinned one, or its GPU is missing.
    """
    config = job.config
    check_shipped()
    open_bridge(job)
    backend_of(config.decode.placement)
    named = (("embedder", config.embed.model), ("decoder", config.decode.model))
    return [ModelRecord(role=role, name=name, digest=digest_of(job.folder(name))) for role, name in named]

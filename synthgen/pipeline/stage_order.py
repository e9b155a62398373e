"""Run the stages of a run in this order.

load -> split -> deidentify -> embed -> rounds of (interpolate -> decode -> re-embed -> filter) -> evaluate -> audit

- For a hospital source, the stage extract comes first.
- Without DP, records that the audits cannot judge (quarantine) are removed, and evaluate and audit are repeated.
- If the policy requires the calibration suite, the stage selftest comes last.
- Under DP, the run stops after deidentify if its release is certain to be refused. After embed, the run reserves its
  budget in the ledger and queries train with noise. The stages that write text do not read train.

The decision under the policy and the release are separate steps: see `synthgen.release.run`.
"""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from typing import Any

from audits.gate.policy import Policy
from audits.ledger.attempts import Attempt
from synthgen.core.errors import DataError
from synthgen.core.stage import StageInput
from synthgen.core.tables import read_corpus
from synthgen.core.types import Embedded, Float32, Latents
from synthgen.decode.config import AUTO, VLLM
from synthgen.decode.loading import backend_of
from synthgen.decode.prompting.client import Client
from synthgen.decode.prompting.opening import endpoint_digest
from synthgen.decode.vllm.engine import require_vllm
from synthgen.dp.accounting_log import with_later_accesses
from synthgen.dp.certain_refusals import refuse_unreleasable_run
from synthgen.dp.measure import measure
from synthgen.dp.reserve import reserve_budget
from synthgen.embed import Encoder
from synthgen.models.shipped import check_shipped
from synthgen.models.store import digest_of
from synthgen.pipeline import judge, prepare, rounds, self_test
from synthgen.pipeline.decoders import check_models, open_bridge
from synthgen.pipeline.job import Job
from synthgen.pipeline.record import ModelRecord, read_record
from synthgen.pipeline.segments import encoder_for
from synthgen.pipeline.style_choice import Shares, check_own_examples, check_style_training, choose_style
from synthgen.pipeline.workspace import StageResult

TURNS = 3  # largest number of times that evaluate and audit run
WITHOUT_MODELS = ("load", "split", "deidentify")
_BEFORE_QUERIES = (*WITHOUT_MODELS, "embed")  # a run that ends with one of these stages makes no DP query


def run_stages(job: Job, policy: Policy, until: str, *, spend_again: bool) -> Iterator[StageResult]:
    """Run the stages and yield each result; the caller may stop after any result.

    With `spend_again`, a run with a privacy budget reserves and spends the budget again, even if it was spent before.
    """
    extracted = prepare.extract_notes(job)
    if extracted is not None:
        yield extracted
    loaded = prepare.load_source(job, extracted)
    yield loaded
    parts = prepare.split_source(job, loaded)
    yield parts
    # the records before de-identification
    train_source = read_corpus(parts.folder / "train.parquet", "train")
    control_source = read_corpus(parts.folder / "control.parquet", "control")
    prepare.check_train_classes(train_source, control_source)
    check_style_training(job.config, train_source, control_source)
    check_own_examples(job.config, train_source, control_source)
    if not job.config.interpolate.is_dp:  # under DP, only the command `plan` makes this check
        prepare.check_language(job.config.decode, train_source.texts)
    clean = prepare.replace_identifiers(job, loaded, parts)
    yield clean
    prepared = prepare.read_prepared(job, parts, clean)
    is_dp = job.config.interpolate.is_dp
    if is_dp and until not in _BEFORE_QUERIES:
        with job.executor.alone("the checks before the DP queries"):
            refuse_unreleasable_run(job, policy, prepared, control_source, spend_again=spend_again)
    encoder = encoder_for(job, prepared.train)
    vectorised, embedded = prepare.embed_train(job, clean, prepared.train, encoder)
    yield vectorised
    log = voted = None
    if not is_dp:
        names = prepare.replaced_names(clean.folder, prepared.train)
        training_view = rounds.fitted_on(job, prepared.train, embedded, vectorised.digest, names)
    else:
        with job.executor.alone("the reservation of the budget"):
            reservation, reserved = reserve_budget(job, policy, spend_again=spend_again)
        yield reserved
        with job.executor.alone("the DP queries"):
            measured, answered = measure(job, prepared.train, embedded, reservation, encoder.digest)
        yield answered
        training_view, voted, log = measured.training_view, measured.shares, measured.log
    written = yield from write_records(job, training_view, encoder, voted)
    if until == "filter":
        return

    with job.executor.alone("the entry of the audit in the ledger"):
        attempt = judge.register_attempt(job, written, prepared, control_source)
    embedding, control_vectors = judge.embed_control(job, prepared.control, encoder)
    yield embedding
    real = (embedded, control_vectors)
    audited, tables = yield from judge_records(job, policy, prepared, written, real, log, encoder, attempt)
    if self_test.needs_selftest(audited, policy):
        yield self_test.calibrate(job, tables, policy)


def judge_records(  # noqa: PLR0913, PLR0917 - one parameter per input of the stages
    job: Job,
    policy: Policy,
    prepared: prepare.Prepared,
    written: rounds.Written,
    real: tuple[Embedded, Float32],
    log: Mapping[str, Any] | None,
    encoder: Encoder,
    attempt: Attempt,
) -> Generator[StageResult, None, tuple[StageResult, judge.JudgedTables]]:
    """Run evaluate and audit, yield each stage as it ends, and return the last audit and the audited tables.

    Records that the audits cannot judge (quarantine) are removed, and the remaining records are audited again. Under
    DP, no record is removed, because the budget does not cover a choice that depends on train. `real` has the
    vectors of train and of control. `log` is the log of the DP queries, None without DP.
    """
    # An independent policy forbids numbers that depend on who the control persons are, such as `attempt.number`.
    # `attempt.position` is allowed, because it counts all audits in the ledger.
    n_earlier = (attempt.position if policy.is_independent else attempt.number) - 1
    for turn in range(1, TURNS + 1):
        suffix = "" if turn == 1 else f"-{turn}"
        synthetic = judge.synthetic_corpus(job, written)
        tables = judge.JudgedTables(
            synthetic=synthetic,
            train=prepared.train,
            control=prepared.control,
            vectors={"train": real[0].vectors, "control": real[1], "synthetic": written.vectors},
            train_segments=real[0].parts,
            mechanism=log and with_later_accesses(log, policy, n_earlier=n_earlier, n_removed=written.n_quarantined),
        )
        evaluated = judge.evaluate_utility(job, tables, written, encoder, attempt, suffix)
        yield evaluated
        audited = judge.attack(job, tables, prepared, written, evaluated, attempt, suffix)
        yield audited
        rows = judge.quarantined(audited)
        if not rows or job.config.interpolate.is_dp:
            break
        written = written.without(rows)
    return audited, tables


def write_records(
    job: Job, training_view: rounds.TrainingView, encoder: Encoder, voted: Shares | None = None
) -> Generator[StageResult, None, rounds.Written]:
    """Run the rounds of writing, yield each stage as it ends, and return the records.

    The training view has the vectors of train, made by `encoder`, or, under DP, vectors drawn from noised statistics.
    `voted` has the styles that the DP query `style` chose, if any.
    """
    setup, reconstructed = yield from set_up_writing(job, training_view, encoder, voted)
    state, n_candidates = rounds.first_round(setup, reconstructed.digest), job.config.decode.candidates
    while True:
        judged, latents, filtered = yield from write_round(job, setup, state, reconstructed, n_candidates)
        following = rounds.next_round(setup, state, judged)
        if following is None:
            return rounds.select(job, setup, judged, latents, filtered)
        state = following


def set_up_writing(
    job: Job, training_view: rounds.TrainingView, encoder: Encoder, voted: Shares | None = None
) -> Generator[StageResult, None, tuple[rounds.Setup, StageInput]]:
    """Choose the style if it is `auto`, and decode vectors of the training view; yield each stage as it ends.

    Return the setup of the rounds and the decoded texts (reconstructions). For the arguments, see `write_records`.
    """
    bridge, train, upstream = open_bridge(job, voted), training_view.train, training_view.digest
    if voted is None and job.config.decode.style == AUTO:
        bridge, chosen = choose_style(job, bridge, train, encoder, upstream)
        yield chosen
    setup = rounds.set_up(job, training_view, encoder, bridge)
    real = rounds.reconstruction_latents(job, setup)
    texts, decoded = rounds.decode(job, setup, real, upstream, "-reconstruction", 1)
    yield decoded
    vectors, embedding = rounds.embed_texts(job, setup, texts, decoded, "-reconstruction")
    yield embedding
    return setup, StageInput(rounds.reconstructions_of(real, texts, vectors), embedding.digest)


def write_round(
    job: Job, setup: rounds.Setup, state: rounds.Round, reconstructed: StageInput, n_candidates: int
) -> Generator[StageResult, None, tuple[rounds.Round, Latents, StageResult]]:
    """Run a round that starts from `state`; return its end state, all latents so far, and the filter result."""
    latents, interpolated = rounds.interpolate(job, setup, state)
    yield interpolated
    new = rounds.unwritten(latents, state.candidates)
    texts, decoded = rounds.decode(job, setup, new, interpolated.digest, state.suffix, n_candidates)
    yield decoded
    vectors, embedding = rounds.embed_texts(job, setup, texts, decoded, state.suffix)
    yield embedding
    judged = state.plus(texts, vectors, embedding)
    kept, filtered = rounds.filter_candidates(job, setup, judged, latents, reconstructed.value)
    yield filtered
    return replace(judged, kept=kept), latents, filtered


def has_finished(job: Job, name: str) -> bool:
    """Return whether the last run in the workspace had this configuration and finished the stage `name`."""
    try:
        record = read_record(job.workspace.root)
    except DataError:
        return False
    return record.config == job.config.digest() and any(stage.is_of(name) for stage in record.stages)


def models_of(job: Job) -> list[ModelRecord]:
    """Return the models of the run with their digests.

    Raises:
        ModelMissing, ModelError: a model or the server cannot be used, or a model does not fit its purpose.
        DependencyError: `decode.engine` is vllm, and vLLM is not installed.
    """
    config = job.config
    check_shipped()
    check_models(job, open_bridge(job))
    backend_of(config.decode.placement)
    if config.decode.engine == VLLM:
        require_vllm()
    endpoint = config.decode.endpoint
    # if a server writes the texts, the language model on this machine only measures their fluency
    role_of_folder = "decoder" if endpoint is None else "judge"
    names = (("embedder", config.embed.model), (role_of_folder, config.decode.model))
    models = [ModelRecord(role=role, name=name, digest=digest_of(job.folder(name))) for role, name in names]
    if endpoint is not None:
        models.append(ModelRecord(role="decoder", name=endpoint.model, digest=endpoint_digest(endpoint)))
        if not has_finished(job, "filter"):  # otherwise, the server is no longer needed
            Client(endpoint).check()
    return models

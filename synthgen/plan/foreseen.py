"""Find, before a run, each problem that would stop the run or prevent its release."""

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from audits.core.errors import AuditError
from audits.core.rates import TAUS
from audits.core.stats import needed_for_zero_events
from audits.gate.dp_substitute import ACCOUNTING
from audits.gate.policy import Policy
from audits.gate.rule import SECRET, STATED, Rule
from audits.ledger.attempts import create_or_check_ledger
from audits.runner.registry import AUDITS, NEEDS
from synthgen.config import Config, is_uri
from synthgen.core.errors import DataError, InternalError, Interrupted, SynthGenError
from synthgen.core.files import check_writable
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus
from synthgen.decode.loading import backend_of
from synthgen.dp.certain_refusals import split_problems
from synthgen.dp.planned_queries import check_budget
from synthgen.filter.attributes import check_labels
from synthgen.interpolate import check_classes
from synthgen.pipeline.engine_shares import read_sample
from synthgen.pipeline.institution import ledger_of
from synthgen.pipeline.job import Job
from synthgen.pipeline.prepare import Prepared, check_language, check_train_classes
from synthgen.pipeline.rounds import first_requested
from synthgen.pipeline.secret import PUBLIC
from synthgen.pipeline.stage_order import models_of
from synthgen.pipeline.style_choice import check_own_examples, check_server, check_style, check_style_training
from synthgen.plan.one_person import certain_recovery
from synthgen.plan.reach import EXTRA_INPUT, Estimates, Reach, unit_of
from synthgen.plan.unmeetable import rule_problems
from synthgen.release.keys import PASSPHRASE_ENV, check_validity, load_key
from synthgen.split import Split

UNEXPECTED = (InternalError, Interrupted)  # errors that the configuration and the source do not cause
MIN_FREE_SPACE = 64 << 20  # smallest free disk space for a bundle, in bytes
MIRROR = (  # input of the membership audit that a run does not supply
    "a table that the same generator wrote from control (option `--mirror` of `audits run`)"
)
DEDUPE = "or set source.dedupe: all, which removes such records before the split"  # remedy for near-duplicates


def setup_problems(config: Config, job: Job) -> Iterator[str]:
    """Yield problems of the models, key, ledger, output folder and disk space that would stop a run or a release."""
    yield from problems_of(lambda: backend_of(config.decode.placement))
    yield from problems_of(lambda: models_of(job))
    yield from _key_problems(config)
    ledger, mark = ledger_of(config)
    if ledger.is_dir() or os.path.lexists(mark.path):
        yield from problems_of(lambda: create_or_check_ledger(ledger, mark))
    else:
        yield from problems_of(lambda: check_writable(ledger, "ledger"))
    out = config.resolve(config.release.out)
    yield from problems_of(lambda: check_writable(out))
    # unlike `os.path.isdir`, `Path.is_dir` raises an error for a path inside an unreadable folder
    existing = next(folder for folder in (out, *out.parents) if os.path.isdir(folder))  # noqa: PTH112
    if (free := shutil.disk_usage(existing).free) < MIN_FREE_SPACE:
        yield (
            f"release.out: only {free >> 20} MiB are free in {existing}, and a bundle can need "
            f"{MIN_FREE_SPACE >> 20} MiB; free some space, or set another folder"
        )


def _key_problems(config: Config) -> Iterator[str]:
    key = config.resolve(config.release.key_file)
    if is_uri(config.release.key):
        if not key.is_file():
            yield f"release.public: there is no file {key}; name the public part of the key, NAME.pub.json"
        return
    if key.is_dir():
        yield f"release.key: {key} is a folder; name the file of the private key, such as {key / 'releaser.pem'}"
    elif not key.is_file():
        yield f"release.key: there is no file {key}; create the key: synthgen keys new {key} --person NAME --org NAME"
    # a key whose passphrase the user must type is not opened
    elif PASSPHRASE_ENV in os.environ or key.with_suffix(".passphrase").exists() or not sys.stdin.isatty():
        yield from problems_of(lambda: check_validity(load_key(key), datetime.now(UTC)))


def problems_of(check: Callable[[], object]) -> Iterator[str]:
    """Call a check; if it raises an error, yield the error as one line. Errors in `UNEXPECTED` are not caught."""
    try:
        check()
    except (SynthGenError, AuditError) as error:
        if isinstance(error, UNEXPECTED):
            raise
        yield as_one_line(error)


def as_one_line(error: SynthGenError | AuditError) -> str:
    """Return the message, the problems and the hint of an error as one line."""
    return "; ".join(filter(None, [error.message, *error.problems, error.hint]))


def combined_error(errors: Sequence[SynthGenError | AuditError], others: Iterable[str]) -> SynthGenError | AuditError:
    """Return one error that lists the messages of `errors`, each as one line, and the lines `others`.

    `errors` must not be empty. Equal lines are listed once. If only one line is left, the result is `errors[0]`.
    """
    found = [*dict.fromkeys([*map(as_one_line, errors), *others])]
    if len(found) == 1:
        return errors[0]
    return DataError(f"neither a plan nor a release is possible, for {len(found)} reasons", problems=found)


def config_checks(config: Config, policy: Policy) -> tuple[Callable[[], object], ...]:
    """Return functions that raise an error for a problem of the configuration; no function reads the source."""
    return (
        lambda: check_style(config, policy),
        lambda: check_server(config, policy),
        lambda: check_budget(config, policy),
        lambda: read_sample(config),
    )


def config_problems(config: Config, policy: Policy) -> Iterator[str]:
    """Yield each problem of the configuration under its policy, before the source is read."""
    for check in config_checks(config, policy):
        yield from problems_of(check)


def class_problems(config: Config, train: Corpus, wanted: Mapping[str, int]) -> Iterator[str]:
    """Yield the problems of the classes of train, given the `wanted` number of records of each class.

    A class can have too few persons, or too few for its wanted records under `interpolate.max_exposure`. Also,
    `filter.attributes` can have rules for an unknown class.
    """
    persons, method = [record.group for record in train.records], config.interpolate
    if not method.is_dp:
        yield from problems_of(lambda: check_classes(train.labels, persons, wanted, method.build().min_groups))
    if method.max_exposure is not None:
        yield from _exposure_problems(config, method.max_exposure, train, wanted)
    if (rules := config.filter.attributes) is not None:
        yield from problems_of(lambda: check_labels(rules, train.labels))


def _exposure_problems(config: Config, limit: float, train: Corpus, wanted: Mapping[str, int]) -> Iterator[str]:
    # The weights of the train vectors in a new vector sum to 1. Over all new vectors of a class, the weights of one
    # person sum to at most `limit`. So n persons allow at most n * limit new vectors.
    unit, too_small = unit_of(config), []
    for label, m in first_requested(wanted).items():
        n = len({record.group for record in train.records if record.label == label})
        if n * limit < m:
            too_small.append(
                f"{label!r}: {n} {unit} allow at most {int(n * limit)} vectors, but for {wanted[label]} records the "
                f"first round draws {m}, because filters reject texts (smallest possible limit: about {m / n:.3g})"
            )
    if too_small:
        yield (
            f"interpolate.max_exposure: the limit {limit:g} allows too few new vectors; {'; '.join(too_small)}; "
            "request fewer records, raise interpolate.max_exposure (1.3 times the smallest possible limit usually "
            f"works), or add {unit}"
        )


def source_problems(config: Config, policy: Policy, parts: Split, seeds: SeedTree) -> Iterator[str]:
    """Yield each problem of the records that would stop a run or its release; `parts` has train and control.

    Privacy: reads train and control without noise. The yielded lines contain class names, rates and an AUC.
    """
    for check in (
        lambda: check_train_classes(parts.train, parts.control),
        lambda: check_style_training(config, parts.train, parts.control),
        lambda: check_own_examples(config, parts.train, parts.control),
        lambda: check_language(config.decode, parts.train.texts),
    ):
        yield from problems_of(check)
    if config.secret == PUBLIC and config.interpolate.is_dp:
        return  # a DP run with a public secret is never released, so the checks for a release are omitted
    train, control, rate = parts.train, parts.control, float(parts.report.near_duplicate_rate or 0.0)
    identifiable = Prepared(  # the records as they are before de-identification
        train=train, control=control, near_duplicate_rate=rate, identifiers=None, control_identifiers=None
    )
    rules = [rule.id for rule in policy.all_rules() if rule.metric.startswith("utility.")]
    if rules and len(set(parts.train.labels)) == 1:
        key = "source.label" if config.source.kind == "table" else "source.fields.label"
        yield (
            f"rule {', '.join(rules)}: all records have the same class, so utility cannot be measured; set "
            f"{key} to a field with several values"
        )
    if not parts.control.records and parts.report.n_near_duplicates:
        is_table = config.source.kind == "table"
        advice = "check that source.text names the column of texts" if is_table else "check the files of source.path"
        yield (
            f"all {parts.report.n_near_duplicates} control records nearly repeat a train record and were removed, so "
            f"no record is left for the audits; {advice}, {DEDUPE}"
        )
        return
    for problem in split_problems(policy, identifiable, seeds, config.audit.confidence):
        yield f"{problem}; {DEDUPE}" if "nearly duplicate" in problem else problem


def gate_problems(
    config: Config, policy: Policy, reach: Estimates, persons: Mapping[str, int], n_records: int
) -> Iterator[str]:
    """Yield each condition of the policy that no result of this configuration can meet, with the remedy.

    `reach` estimates what each audit can show. `persons` has the numbers of persons in train and control.
    """
    # under DP, a policy can excuse some audits and rules, and require other audits in their place
    is_dp, substitute = config.interpolate.is_dp, policy.dp_substitute
    in_force = substitute if is_dp and substitute is not None else None
    excused_audits, excused_rules = ((), ()) if in_force is None else (in_force.instead_of, in_force.rules)
    required = [name for name in policy.required if name not in excused_audits]
    for name in [*required, *(() if in_force is None else in_force.required)]:
        if name == ACCOUNTING and not is_dp:
            yield "audit accounting: it requires a DP budget; set interpolate.method: dp-gaussian and dp.epsilon"
        elif name in NEEDS and name != ACCOUNTING:
            yield f"audit {name}: a run does not supply the input of this audit: {EXTRA_INPUT[name]}"
        elif isinstance(estimate := reach.get(name), Reach) and not estimate.can_pass:
            yield f"audit {name}: {_too_few(estimate, f'{estimate.n_needed} are needed')}"
    if "parent_recovery" in required and not is_dp:
        yield from filter(None, [certain_recovery(config.interpolate.build(), policy, n_records)])
    yield from rule_problems(policy, n_records)
    for rule in policy.all_rules():
        if rule.id not in excused_rules and (why := _why_unmet(config, rule, reach, persons, n_records)):
            yield f"rule {rule.id} ({rule.metric} {rule.op} {rule.limit:g}): {why}"


def _why_unmet(  # noqa: PLR0911 - one return per reason
    config: Config, rule: Rule, reach: Estimates, persons: Mapping[str, int], n_records: int
) -> str | None:
    """Return why no result of this configuration can meet a rule, with the remedy; None if a result could meet it."""
    source, _, name = rule.metric.partition(".")
    if source == "dp" and not config.interpolate.is_dp:
        return "it requires a DP budget; set interpolate.method: dp-gaussian and dp.epsilon"
    if rule.metric == SECRET and config.secret == PUBLIC and rule.op == ">=":
        return "the configuration has secret: public; remove that line"
    if rule.metric == "deidentify.recall" and config.deidentify.sample is None:
        return "it requires deidentify.sample, a file with marked identifiers"
    if rule.metric == "records.synthetic" and rule.op == ">=" and n_records < rule.limit:
        return f"interpolate.total requests {n_records} records; request more"
    if (source in NEEDS and source != ACCOUNTING) or (source, name) == ("membership", "mirror_auc"):
        return f"a run does not measure this metric; the measurement needs {EXTRA_INPUT.get(source, MIRROR)}"
    if name == "tau" and source in AUDITS:
        return _why_tau_unmet(rule.limit, min(persons["train"], persons["control"]), unit_of(config))
    if not isinstance(estimate := reach.get(source), Reach):
        return None
    if rule.min_n is not None and estimate.n < rule.min_n:
        return _too_few(estimate, f"{rule.min_n} are needed")
    # A rule with `bound: value` needs a verdict of the audit, and thus enough persons; a rule on an end of the
    # interval does not. The metrics in STATED are exempt, because they are not measured.
    if rule.bound == "value" and rule.metric not in STATED and not estimate.can_pass:
        return _too_few(estimate, f"{estimate.n_needed} are needed for a verdict")
    return None


def _why_tau_unmet(limit: float, n_persons: int, unit: str) -> str | None:
    # An audit that finds no leak proves that at most a share `tau` of the persons leak. `tau` is the strictest number
    # in `TAUS` that n persons in each of train and control allow.
    low_enough = [tau for tau in TAUS if tau <= limit]
    if not low_enough:
        return f"no audit proves a share below {min(TAUS):g}; raise the limit of the rule"
    needed = needed_for_zero_events(max(low_enough))
    few = f"train or control has only {n_persons} {unit}, and {needed} are needed in each"
    return f"{few}; {_how_to_get_more(unit)}" if n_persons < needed else None


def _too_few(estimate: Reach, needed: str) -> str:
    return f"there are {estimate.n} {estimate.unit}, and {needed}; {_how_to_get_more(estimate.unit)}"


def _how_to_get_more(unit: str) -> str:
    if "synthetic" in unit:
        return "request more records"
    unit = unit.partition(" ")[0]
    return f"add {unit} to the source, or raise split.train and split.control if their sum is below 1"

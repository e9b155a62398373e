"""Implement `synthgen plan`: check a configuration and estimate the run before any stage starts."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from audits.core.errors import InputError
from audits.gate.policy import Policy
from audits.gate.rule import confidence_of
from audits.ledger.attempts import attempts_before
from audits.ledger.budgets import Overspent
from audits.verify.vocabulary import disclosure
from synthgen.config import Config
from synthgen.core.errors import DataError
from synthgen.core.progress import Progress, silent
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus
from synthgen.core.workers import usable_cores
from synthgen.decode.bridge import load_vocabulary
from synthgen.decode.config import AUTO
from synthgen.decode.loading import backend_of, slowdown
from synthgen.decode.style_adapter import built_in_styles
from synthgen.deidentify.engines import engine_of
from synthgen.dp.planned_queries import check_budget, large_delta, priced_reads
from synthgen.dp.reserve import check_room
from synthgen.filter.attributes import check_labels
from synthgen.filter.classifier import fits_for
from synthgen.interpolate import check_classes, wanted_counts
from synthgen.load import LoadReport, load
from synthgen.pipeline.engine_shares import read_sample
from synthgen.pipeline.institution import ledger_of, policy_of
from synthgen.pipeline.job import Job
from synthgen.pipeline.judge import as_table
from synthgen.pipeline.rounds import SPARE, first_requested
from synthgen.pipeline.secret import PUBLIC
from synthgen.pipeline.secret import WARNING as PUBLIC_WARNING
from synthgen.pipeline.stage_order import has_finished
from synthgen.pipeline.style_choice import MOST_TEXTS, check_server, check_style, n_tried
from synthgen.pipeline.style_choice import WARNING as STYLE_WARNING
from synthgen.pipeline.workspace import Workspace
from synthgen.plan.foreseen import gate_problems, setup_problems, source_problems
from synthgen.plan.pilot import Pilot, run_pilot
from synthgen.plan.reach import TOO_FEW, Reach, reach_of
from synthgen.segment import learn_splitter
from synthgen.segment.config import SegmentsConfig
from synthgen.split import Split, split

# Conservative estimates for the default decoder on a processor with bfloat16 instructions.
TOKENS_PER_SECOND = 250  # tokens that a core decodes per second
SECONDS_PER_READ = 0.25 / 3  # time of a forward pass over a record on 2 cores
CHARACTERS_PER_SECOND = {"rules": 50_000, "rules+ner": 4_000, "off": math.inf}  # of one core, for finding identifiers
CHARACTERS_PER_TOKEN = 4  # of generated text, which is also searched for identifiers
TOKENS_PER_WORD = 1.4  # of English clinical text under the embedded tokenizer
LEAST_CARRIED = 0.6  # the plan warns if generated texts can have less than this share of the words of train
RECOVERED = (
    "parent_recovery finds the parents of interpolated records on most data, and the release is then refused; "
    "interpolate.method: dp-gaussian with an accepted budget takes its place"
)
SUITE = "if all other rules are met, the run tests the audits on your records, which takes about an hour more"
REPEATED = (
    "ledger: this would be attempt {} on these control persons, so every interval needs the confidence {:.4f} and "
    "more persons; use control persons who were not audited before"
)
NOT_REQUIRED = "too few for a pass, which this policy does not require"
OWN_LOG = "reads the log of the run and the log of its dry run on fictional persons"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Hold the checks and estimates of a run that has not started."""

    rows: int  # number of rows of the source
    bad_rows: dict[str, int]  # number of unusable rows by reason
    train: dict[str, int]  # number of train records by label
    control: dict[str, int]  # number of control records by label
    near_duplicates: int  # number of control records that were removed because they nearly repeat a train record
    persons: dict[str, int]  # number of persons in "train" and "control"
    wanted: dict[str, int]  # number of synthetic records by label
    candidates: int  # estimated number of texts to decode
    segments: dict[str, float] | None  # "per_record": mean number in train; "headings": number of shared headings
    fits: int  # largest number of class-agreement regressions; 0 without that filter
    minutes: float  # estimated duration of the run
    deidentify_minutes: float  # the part of `minutes` that finding identifiers takes
    deidentify_engine: str  # rules, rules+ner or off
    cores: int  # number of cores that decode in parallel
    policy: str  # name of the policy
    audits: dict[str, str]  # for each audit, what it can detect, in words
    power: dict[str, dict[str, Any]]  # for each audit: n, n_needed, smallest_leak, epsilon_ceiling
    epsilon: float | None = None  # the budget of the run; None without differential privacy
    delta: float | None = None
    reads: tuple[tuple[str, str], ...] = ()  # accesses to private text, each with its privacy cost; empty without DP
    ledger: str | None = None  # budget already spent by the ledger; None without a ledger
    disclosure: str | None = None  # what the model receives of a vector if it receives only prompt words; else None
    warnings: tuple[str, ...] = ()
    pilot: Pilot | None = None  # what a few texts showed; None without a pilot
    problems: tuple[str, ...] = ()  # what would stop the run, or make its release certain to be refused

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON-compatible data."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**fields, "pilot": None if self.pilot is None else self.pilot.to_json()}

    def to_text(self) -> str:
        """Return the plan as text for a terminal."""
        n_used = sum(self.train.values()) + sum(self.control.values())
        counts = f"bad: {sum(self.bad_rows.values())}, near-duplicates removed from control: {self.near_duplicates}"
        lines = [f"rows: {self.rows}, {counts}, used: {n_used}"]
        lines += [f"  bad: {reason}: {count}" for reason, count in self.bad_rows.items()]
        lines.append(f"persons: {self.persons['train']} train, {self.persons['control']} control")
        lines.append(f"{'class':<32} {'train':>7} {'control':>8} {'to write':>9}")
        lines += [
            f"{label[:32]:<32} {self.train.get(label, 0):>7} {self.control.get(label, 0):>8} {count:>9}"
            for label, count in self.wanted.items()
        ]
        if self.segments is not None:
            many, headings = self.segments["per_record"], self.segments["headings"]
            lines.append(f"segments: {many:.1f} per record, {headings:.0f} shared headings")
        if self.pilot is None:
            lines.append(
                f"texts to decode: about {self.candidates}, {self.minutes:.0f} minutes on {self.cores} cores"
            )
        if self.pilot is None and self.deidentify_minutes >= 1:
            lines.append(
                f"  of these, {self.deidentify_minutes:.0f} minutes for identifiers ({self.deidentify_engine})"
            )
        if self.disclosure is not None:
            lines.append(f"decoder input per vector: {self.disclosure}, and nothing else")
        lines += [f"WARNING {warning}" for warning in self.warnings]
        if self.epsilon is None:
            lines.append("epsilon to be spent: none; the method makes no DP claim")
        else:
            lines.append(f"epsilon to be spent: {self.epsilon:g} per person, delta {self.delta:g}:")
            lines += [f"  {what}: {price}" for what, price in self.reads]
            lines.append("no pilot: it would read the records outside the budget, so the time is an estimate")
            lines += [] if self.ledger is None else [f"already spent in the ledger: {self.ledger}"]
        lines.append(f"policy {self.policy}:")
        lines += [f"  {name}: {what}" for name, what in self.audits.items()]
        lines += [] if self.pilot is None else [self.pilot.to_text()]
        return "\n".join([*lines, *self.outlook()])

    def outlook(self) -> list[str]:
        """Return whether the run can end in a release, and each reason why it cannot."""
        if not self.problems:
            return ["nothing that is known before the run prevents a release"]
        n = len(self.problems)
        return [f"no release is possible, for {n} reason{'s' * (n > 1)}:", *(f"  - {p}" for p in self.problems)]


def make_plan(config: Config, progress: Progress = silent, *, pilot: bool = False) -> Plan:
    """Return the plan of a configuration, on the split that the run will use.

    The function reads the source and the ledger. It creates the workspace with its secret, if there is none yet. It
    raises the errors of a run's initial checks. `problems` of the plan lists every other reason that prevents a
    release.

    If `pilot` is true, the function also writes a few texts (see `run_pilot`). The duration and the number of texts
    that the pilot predicts replace the estimates. The pilot is skipped if a problem outside the section `release` was
    found. It is also skipped under a privacy budget, because it would read train outside the budget.
    """
    policy = policy_of(config)
    check_style(config, policy)
    check_server(config, policy)
    check_budget(config, policy)
    read_sample(config)
    job = Job(config, Workspace(config.resolve(config.workspace)), progress)
    plan = _estimates(job, policy)
    is_stopped = any(not problem.startswith("release.") for problem in plan.problems)
    if not pilot or is_stopped or config.interpolate.is_private:
        return plan
    found = run_pilot(job, policy, plan.wanted)
    problems = (*plan.problems, *found.problems)
    return replace(plan, pilot=found, candidates=found.texts, minutes=found.minutes, problems=problems)


def _estimates(job: Job, policy: Policy) -> Plan:
    """Return the plan without a pilot."""
    config, seeds = job.config, job.seeds
    backend, cores, is_private = backend_of(config.decode.placement), usable_cores(), config.interpolate.is_private
    report, parts = _read(config, seeds)
    config = config.for_texts(parts.train.texts)
    labels = config.source.labels if is_private else parts.train.labels
    wanted = wanted_counts(labels or (), config.interpolate.balance, config.interpolate.total)
    parents = 0
    if not is_private:
        method = config.interpolate.build()
        parents = method.max_parents
        check_classes(parts.train.labels, [r.group for r in parts.train.records], wanted, method.min_groups)
    _check_exposure(config, parts.train, wanted)
    candidates = int(SPARE * sum(wanted.values()) * config.decode.candidates)
    segments = None if config.segments is None else _segments(config.segments, parts.train)
    tokens = config.decode.token_limit * (1.0 if segments is None else segments["per_record"])
    deidentifying = _deidentifying(config, (parts.train, parts.control), candidates * tokens)
    seconds = candidates * tokens * slowdown(backend) / (TOKENS_PER_SECOND * cores) + _preparing(config)
    persons = {k: parts.report.groups.get(k, 0) for k in ("train", "control")}
    ledger, refused = _room(config, policy, persons["train"])
    number, n_records, confidence = attempt_number(job, parts.control), sum(wanted.values()), config.audit.confidence
    reach = reach_of(policy, persons["train"], persons["control"], n_records, confidence, number)
    problems = [*filter(None, [refused]), *setup_problems(config, job)]
    problems += source_problems(config, policy, parts, seeds)
    problems += gate_problems(config, policy, reach, persons, sum(wanted.values()))
    return Plan(
        rows=report.n_rows,
        bad_rows=report.bad_counts(),
        train=parts.train.counts(),
        control=parts.control.counts(),
        near_duplicates=parts.report.n_near_duplicates,
        persons=persons,
        wanted=wanted,
        candidates=candidates,
        segments=segments,
        fits=0 if config.filter.class_agreement is None else fits_for(parents),
        minutes=(seconds + deidentifying) / 60,
        deidentify_minutes=deidentifying / 60,
        deidentify_engine=engine_of(config.deidentify.engine),
        cores=cores,
        policy=policy.name,
        audits=_in_words(reach, config, policy, problems),
        power={name: what.to_json() for name, what in reach.items() if not isinstance(what, str)},
        disclosure=_disclosure(config),
        epsilon=config.dp.epsilon,
        delta=config.dp.delta,
        reads=priced_reads(config),
        ledger=ledger,
        warnings=(
            *(f"source: {note}" for note in report.notes),
            *_warnings(config, policy, parts.train),
            *([] if number == 1 else [REPEATED.format(number, confidence_of(number, confidence))]),
        ),
        problems=tuple(problems),
    )


def attempt_number(job: Job, control: Corpus) -> int:
    """Return the number that the next audit of these control persons would have in the ledger.

    Under a privacy budget it is 1, because the numbers of earlier audits depend on who the persons are. If the last
    run in the workspace had this configuration and was audited, its attempt is not counted again.
    """
    ledger, mark = ledger_of(job.config)
    if job.config.interpolate.is_private or not ledger.is_dir():
        return 1
    try:
        earlier = attempts_before(ledger, mark, control=as_table(control, {}))
    except InputError:
        return 1  # `setup_problems` lists what is wrong with the ledger, and nothing can be released
    return max(1, earlier + (0 if has_finished(job, "audit") else 1))


def _read(config: Config, seeds: SeedTree) -> tuple[LoadReport, Split]:
    """Return the source as a run loads it, and its split."""
    path, isolated = config.source_path, config.interpolate.is_private
    report = load(config.source, path, seeds.child("load"), isolated_rows=isolated)
    parts = split(report.corpus, config.split, seeds.child("split"))
    if len(parts.train) == 0:
        raise DataError("the train split is empty", hint="Supply more records, or raise split.train.")
    if config.filter.attributes is not None:
        check_labels(config.filter.attributes, parts.train.labels)
    return report, parts


def _warnings(config: Config, policy: Policy, train: Corpus) -> tuple[str, ...]:
    recovered = None
    if "parent_recovery" in policy.required and not config.interpolate.is_private:
        recovered = f"policy {policy.name}: {RECOVERED}"
    style = STYLE_WARNING if config.decode.style == AUTO and config.dp.epsilon is None else None
    public = PUBLIC_WARNING if config.secret == PUBLIC else None
    suite = f"policy {policy.name}: {SUITE}" if policy.selftest else None
    found = (recovered, _length(config, train), style, suite, public)
    return tuple(warning for warning in found if warning is not None)


def _length(config: Config, train: Corpus) -> str | None:
    """Return a warning if the records of the source have far more words than a generated text can have."""
    most = config.decode.token_limit / TOKENS_PER_WORD
    words = [len(text.split()) for text in train.texts]
    share = sum(min(n, most) for n in words) / max(sum(words), 1)
    if config.segments is not None or share >= LEAST_CARRIED:
        return None
    return (
        f"source: a record has {sum(words) / len(words):.0f} words on average, and a generated text at most about "
        f"{most:.0f}, so {share:.0%} of the length can be written; add the section segments, or raise "
        "decode.max_new_tokens"
    )


def _in_words(
    reach: Mapping[str, Reach | str], config: Config, policy: Policy, problems: Sequence[str]
) -> dict[str, str]:
    """Return a sentence per audit on what it can show, and on how it decides about the release."""
    own = {"accounting": OWN_LOG} if config.interpolate.is_private and "accounting" in reach else {}
    words = {name: what if isinstance(what, str) else what.to_text() for name, what in {**reach, **own}.items()}
    blocked = {
        name
        for name in words
        for problem in problems
        if f"({name}." in problem or problem.startswith(f"audit {name}:")
    }
    shown = {name: what if name in blocked else what.replace(TOO_FEW, NOT_REQUIRED) for name, what in words.items()}
    return {name: f"{what}; {_role(policy, name)}" for name, what in shown.items()}


def _role(policy: Policy, audit: str) -> str:
    """Return how an audit decides about a release: by its verdict, by rules on its numbers, or not at all."""
    rules = [rule.id for rule in policy.all_rules() if rule.metric.startswith(f"{audit}.")]
    ways = ["its verdict"] * (audit in policy.required) + ([f"rule {', '.join(rules)}"] if rules else [])
    return f"decides by {' and '.join(ways)}" if ways else "measured only"


def _room(config: Config, policy: Policy, persons: int) -> tuple[str | None, str | None]:
    """Return the budget already spent in the ledger, and why the run would stop before it reserves its own.

    Each is None if there is nothing to state.
    """
    if not config.interpolate.is_private:
        return None, None
    is_reserved, spent = False, None
    try:
        if ledger_of(config)[0].is_dir():
            before, is_reserved = check_room(config, policy)
            own = "; this run continues with its own reservation" if is_reserved else ""
            if before is not None:
                spent = f"epsilon {before.epsilon:.4g} at delta {before.delta:g} for all runs together{own}"
    except Overspent as refused:
        why = "; ".join(refused.problems) or refused.message
        return None, f"dp: the remaining budget in the ledger does not cover this run; the run would stop: {why}"
    wrong = None if is_reserved else large_delta(config, policy, persons)
    return spent, wrong and f"{wrong}; the run would stop before it reserves its budget"


def _check_exposure(config: Config, train: Corpus, wanted: Mapping[str, int]) -> None:
    """Raise DataError if `interpolate.max_exposure` is too small for the first round, whatever the weights are."""
    limit = config.interpolate.max_exposure
    if limit is None:
        return
    problems = []
    for label, m in first_requested(wanted).items():
        n = len({record.group for record in train.records if record.label == label})
        if n * limit < m:
            problems.append(
                f"{label!r}: {n} persons allow at most {int(n * limit)} vectors, but {wanted[label]} records need "
                f"{m}; the smallest possible limit is about {m / n:.3g}"
            )
    if problems:
        raise DataError(
            f"interpolate.max_exposure: a summed weight of at most {limit:g} per person allows too few new vectors",
            problems=tuple(problems),
            hint="Request fewer records, raise interpolate.max_exposure (1.3 times the smallest possible limit "
            "usually works), or add records of other persons.",
        )


def _disclosure(config: Config) -> str | None:
    decode = config.decode
    if not decode.is_prompted:
        return None
    vocabulary = load_vocabulary(decode.bridge, config.resolve, encoder=config.embed.model)
    return disclosure(decode.words, len(vocabulary.reader.words))


def _preparing(config: Config) -> float:
    """Return the time of choosing the style on the CPU, in seconds; 0 if the configuration names a style."""
    read = n_tried(len(built_in_styles())) * MOST_TEXTS if config.decode.style == AUTO else 0
    return read * slowdown(backend_of("cpu")) * SECONDS_PER_READ


def _deidentifying(config: Config, corpora: Iterable[Corpus], tokens: float) -> float:
    """Return the time of finding identifiers in the source and in the generated texts, in seconds."""
    engine = engine_of(config.deidentify.engine)
    read = sum(len(text) for corpus in corpora for text in corpus.texts)
    masking = CHARACTERS_PER_SECOND["rules" if engine == "off" else engine]
    return read / CHARACTERS_PER_SECOND[engine] + tokens * CHARACTERS_PER_TOKEN / masking


def _segments(config: SegmentsConfig, train: Corpus) -> dict[str, float]:
    splitter = learn_splitter(config, train.texts, [r.group for r in train.records])
    n = sum(part.text != "" for text in train.texts for part in splitter.split(text))
    return {"per_record": n / len(train), "headings": len(splitter.headings)}

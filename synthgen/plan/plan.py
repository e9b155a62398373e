"""Implement `synthgen plan`: check a configuration, and estimate the duration and the results of its run."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from audits.core.errors import AuditError, InputError
from audits.gate.policy import Policy
from audits.gate.rule import STATED, confidence_of
from audits.ledger.attempts import attempts_before
from audits.ledger.budgets import Overspent
from audits.verify.vocabulary import disclosure
from synthgen.config import Config
from synthgen.core.errors import DataError, SynthGenError
from synthgen.core.progress import Progress, silent
from synthgen.core.types import Corpus
from synthgen.core.workers import usable_cores
from synthgen.decode.config import AUTO
from synthgen.deidentify.engines import engine_of
from synthgen.dp.planned_queries import accesses_with_costs, delta_problem
from synthgen.dp.reserve import check_remaining_budget
from synthgen.filter.classifier import fits_for
from synthgen.interpolate import counts_per_class
from synthgen.load import LoadReport
from synthgen.pipeline import prepare
from synthgen.pipeline.decoders import vocabulary_of
from synthgen.pipeline.institution import foreseen_number, ledger_of, policy_of
from synthgen.pipeline.job import Job
from synthgen.pipeline.judge import as_table
from synthgen.pipeline.rounds import SPARE
from synthgen.pipeline.secret import PUBLIC
from synthgen.pipeline.secret import WARNING as PUBLIC_WARNING
from synthgen.pipeline.style_choice import WARNING as STYLE_WARNING
from synthgen.pipeline.workspace import Workspace
from synthgen.plan import foreseen
from synthgen.plan.estimated_time import choosing_seconds, decoding_seconds, deidentifying_seconds
from synthgen.plan.pilot import Pilot, run_pilot
from synthgen.plan.reach import PERSONS, TOO_FEW, Estimates, reach_of, selftest_warning, unit_of, with_unit
from synthgen.plan.source_summary import documents_in_words, length_warning, words_per_record
from synthgen.segment import learn_splitter
from synthgen.segment.config import SegmentsConfig
from synthgen.split import Split, split

RECOVERED = (
    "on most data, parent_recovery finds the parents of interpolated records, and the release is then refused; "
    "with interpolate.method: dp-gaussian and a budget that the policy accepts, this audit need not pass"
)
SUITE = "if all other rules are met, the run tests the audits on your records, which takes about an hour more"
REPEATED = (
    "ledger: this would be audit attempt {0} on these control {2}, so every interval needs the confidence {1:.4f}, "
    "which requires more {2}; use control {2} that were not audited before"
)
DOUBTFUL = "a release is possible, but it may be refused for the reasons marked `at risk`"
POSSIBLE = "nothing that is known before the run prevents a release"
UNTESTED = f"{POSSIBLE}; without a pilot, the quality of the texts is unknown"
NOT_REQUIRED = "too few, but this policy does not require a pass"
OWN_LOG = "this audit reads the log of the run and the log of its dry run on fictional persons"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The results of the checks and estimates of a run that has not started."""

    documents: Mapping[str, Any] | None  # counts of the documents of a hospital source; None for a table
    rows: int  # number of rows of the source
    bad_rows: dict[str, int]  # number of unusable rows by reason
    train: dict[str, int]  # number of train records by label
    control: dict[str, int]  # number of control records by label
    class_persons: dict[str, int]  # number of persons with records of each label
    near_duplicates: int  # number of control records that were removed as near-duplicates of train records
    unit: str  # "persons", or "records" if the source has no person ids
    persons: dict[str, int]  # number of persons (or records, see `unit`) in "train" and in "control"
    wanted: dict[str, int]  # number of synthetic records by label
    candidates: int  # estimated number of texts to decode
    words: tuple[int, int, int]  # 10 %, 50 % and 90 % quantiles of the number of words per record
    # mean number of segments "per_record" in train, and list of the shared "headings"; None without segments
    segments: dict[str, Any] | None
    fits: int  # largest number of classifiers that the filter `class_agreement` fits; 0 without that filter
    minutes: float  # estimated duration of the run
    deidentify_minutes: float  # estimated minutes to find identifiers, included in `minutes`
    deidentify_engine: str  # rules, rules+ner or off
    cores: int  # number of cores that decode in parallel
    policy: str  # name of the policy
    audits: dict[str, str]  # key: audit; value: what it can detect, in words
    power: dict[str, dict[str, Any]]  # key: audit; value: fields of `Reach` by name, such as "n_needed"
    epsilon: float | None = None  # the budget of the run; None without differential privacy
    delta: float | None = None
    reads: tuple[tuple[str, str], ...] = ()  # accesses to private text, each with its privacy cost; empty without DP
    ledger: str | None = None  # privacy cost of all runs in the ledger; None without a ledger or a budget
    disclosure: str | None = None  # bits of a vector that the prompt words disclose; None without prompt words
    notes: tuple[str, ...] = ()  # remarks on how the source was read
    warnings: tuple[str, ...] = ()
    pilot: Pilot | None = None  # None without a pilot
    problems: tuple[str, ...] = ()  # what would stop the run or prevent its release

    def __repr__(self) -> str:
        return f"Plan(policy {self.policy!r}, problems: {len(self.problems)}, warnings: {len(self.warnings)})"

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON-compatible data."""
        return asdict(self)

    def to_text(self) -> str:
        """Return the plan as text for a terminal."""
        n_used = sum(self.train.values()) + sum(self.control.values())
        counts = f"bad: {sum(self.bad_rows.values())}, near-duplicates removed from control: {self.near_duplicates}"
        lines = [] if self.documents is None else documents_in_words(self.documents)
        lines.append(f"rows: {self.rows}, {counts}, used: {n_used}")
        lines += [f"  bad: {reason}: {count}" for reason, count in self.bad_rows.items()]
        lines += [f"  {note}" for note in self.notes]
        lines += self._classes()
        low, median, high = self.words
        lines.append(f"words per record: {low} (10 % have fewer), {median} (median), {high} (10 % have more)")
        if self.segments is not None:
            headings = ", ".join(self.segments["headings"]) or "none, so records are cut between sentences"
            lines.append(f"segments: {self.segments['per_record']:.1f} per record; headings: {headings}")
        if self.pilot is None:
            texts = f"about {self.candidates}, {self.minutes:.0f} minutes on {self.cores} cores"
            lines.append(f"texts to decode: {texts}")
        if self.pilot is None and self.deidentify_minutes >= 1:
            minutes = f"{self.deidentify_minutes:.0f} to find identifiers ({self.deidentify_engine})"
            lines.append(f"  of these minutes, {minutes}")
        if self.disclosure is not None:
            lines.append(f"decoder input per vector: {self.disclosure}, and nothing else")
        lines += [f"WARNING {warning}" for warning in self.warnings]
        if self.epsilon is None:
            lines.append("epsilon to be spent: none; the method makes no DP claim")
        else:
            lines.append(f"epsilon to be spent: {self.epsilon:g} per person, delta {self.delta:g}:")
            lines += [f"  {what}: {price}" for what, price in self.reads]
            lines.append("no pilot, because a pilot would read records outside the budget; the time is an estimate")
            lines += [] if self.ledger is None else [f"already spent in the ledger: {self.ledger}"]
        lines += [f"policy {self.policy}:", *(f"  {name}: {what}" for name, what in self.audits.items())]
        lines += [] if self.pilot is None else [self.pilot.to_text()]
        return "\n".join([*lines, *self.outlook()])

    def _classes(self) -> list[str]:
        rows: list[tuple[str, ...]] = [("records by class", "train", "control", "to write", "persons")]
        counts = (self.train, self.control, self.wanted, self.class_persons)
        rows += [(label[:32], *(str(of.get(label, 0)) for of in counts)) for label in self.wanted]
        lines = [f"{self.unit}: {self.persons['train']} train, {self.persons['control']} control"]
        for label, *numbers, persons in rows:
            shown = [*numbers, persons] if self.unit == PERSONS else numbers  # without ids, persons are unknown
            lines.append(f"{label:<32}" + "".join(f"{number:>10}" for number in shown))
        return lines

    def outlook(self) -> list[str]:
        """Return lines that state whether a release is possible, and each reason against it."""
        if not self.problems:
            is_doubtful = self.pilot is not None and self.pilot.risks
            return [DOUBTFUL if is_doubtful else UNTESTED if self.pilot is None else POSSIBLE]
        n = len(self.problems)
        return [f"no release is possible, for {n} reason{'s' * (n > 1)}:", *(f"  - {p}" for p in self.problems)]


def make_plan(config: Config, progress: Progress = silent, *, pilot: bool = False) -> Plan:
    """Return the plan of a configuration; `Plan.problems` lists every reason that prevents a release.

    The function splits the source as the run will. It reads the ledger, which records the audits and privacy budgets
    of all runs. It creates the workspace, the private folder of the run, if the folder is missing.

    If `pilot` is true, the function also writes a few texts to improve the estimates; see `run_pilot`. This pilot is
    skipped if there is a problem outside the section `release`. It is also skipped under a privacy budget, because it
    would read train outside the budget.

    Raises:
        SynthGenError, AuditError: the policy or the source cannot be used. Several problems are raised as one
            DataError.
    """
    job = Job(config, Workspace(config.resolve(config.workspace)), progress)
    plan = _plan_of(job)
    is_stopped = any(not problem.startswith("release.") for problem in plan.problems)
    if not pilot or is_stopped or config.interpolate.is_dp:
        return plan
    found = run_pilot(job, policy_of(config), plan.wanted)
    problems = tuple(dict.fromkeys([*plan.problems, *found.problems]))
    return replace(plan, pilot=found, candidates=found.texts, minutes=found.minutes, problems=problems)


def persons_per_arm(parts: Split) -> dict[str, int]:
    """Return the numbers of persons in "train" and in "control"."""
    arms = {"train": parts.train, "control": parts.control}
    return {arm: len({record.group for record in corpus.records}) for arm, corpus in arms.items()}


def estimated_reach(
    config: Config, policy: Policy, persons: Mapping[str, int], wanted: Mapping[str, int], attempt: int
) -> Estimates:
    """Return what each audit can show with these persons if control was audited `attempt` - 1 times before."""
    sizes = (persons["train"], persons["control"], sum(wanted.values()))
    return with_unit(unit_of(config), reach_of(policy, *sizes, config.audit.confidence, attempt))


def _plan_of(job: Job) -> Plan:
    """Return the plan without a pilot; if the policy or source cannot be used, raise one error for all problems."""
    config, problems, errors = job.config, list[str](), list[SynthGenError | AuditError]()
    policy = plan = None
    try:
        policy = policy_of(config)
        problems += foreseen.config_problems(config, policy)
    except AuditError as error:
        errors.append(error)
    try:
        if policy is None:
            read_parts(job)
        else:
            plan = _estimates(job, policy)
    except (SynthGenError, AuditError) as error:
        if isinstance(error, foreseen.UNEXPECTED):
            raise
        errors.append(error)
    if plan is None or errors:
        raise foreseen.combined_error(errors, [*problems, *foreseen.setup_problems(config, job)])
    return replace(plan, problems=tuple(dict.fromkeys([*problems, *plan.problems])))


def _estimates(job: Job, policy: Policy) -> Plan:
    """Return the plan without a pilot and without the problems that `_plan_of` adds."""
    config, seeds = job.config, job.seeds
    cores, is_dp = usable_cores(), config.interpolate.is_dp
    documents, report, parts = read_parts(job)
    config = config.for_texts(parts.train.texts)
    labels = config.source.labels if is_dp else parts.train.labels
    wanted = counts_per_class(labels or (), config.interpolate.balance, config.interpolate.total)
    candidates = int(SPARE * sum(wanted.values()) * config.decode.candidates)
    segments = None if config.segments is None else _segments(config.segments, parts.train)
    tokens = config.decode.token_limit * (1.0 if segments is None else segments["per_record"])
    engine = engine_of(config.deidentify.engine)
    deidentifying = deidentifying_seconds(engine, (parts.train, parts.control), candidates * tokens)
    seconds = decoding_seconds(candidates * tokens, config.decode.placement, cores)
    seconds += choosing_seconds(config.decode.style)
    persons, number = persons_per_arm(parts), attempt_number(job, parts.control)
    ledger, refused = _remaining_budget(config, policy, persons["train"])
    reach = estimated_reach(config, policy, persons, wanted, number)
    problems = [*filter(None, [refused]), *foreseen.setup_problems(config, job)]
    problems += foreseen.class_problems(config, parts.train, wanted)
    problems += foreseen.source_problems(config, policy, parts, seeds)
    problems += foreseen.gate_problems(config, policy, reach, persons, sum(wanted.values()))
    return Plan(
        documents=documents,
        rows=report.n_rows,
        bad_rows=report.bad_counts(),
        train=parts.train.counts(),
        control=parts.control.counts(),
        class_persons=_class_persons(parts),
        near_duplicates=parts.report.n_near_duplicates,
        unit=unit_of(config),
        persons=persons,
        wanted=wanted,
        candidates=candidates,
        words=words_per_record((parts.train, parts.control)),
        segments=segments,
        fits=_n_classifiers(config),
        minutes=(seconds + deidentifying) / 60,
        deidentify_minutes=deidentifying / 60,
        deidentify_engine=engine,
        cores=cores,
        policy=policy.name,
        audits=_in_words(reach, config, policy, problems),
        power={name: what.to_json() for name, what in reach.items() if not isinstance(what, str)},
        disclosure=_disclosure(config),
        epsilon=config.dp.epsilon,
        delta=config.dp.delta,
        reads=accesses_with_costs(config),
        ledger=ledger,
        notes=tuple(report.notes),
        warnings=tuple(_warnings(config, policy, parts, problems, number)),
        problems=tuple(problems),
    )


def _class_persons(parts: Split) -> dict[str, int]:
    pairs = {(r.label, r.group) for corpus in (parts.train, parts.control) for r in corpus.records}
    return dict(sorted(Counter(label for label, _ in pairs).items()))


def attempt_number(job: Job, control: Corpus) -> int:
    """Return the number of the next audit of these control persons in the ledger; 1 without a ledger or under DP.

    Under DP, earlier audits are not counted, because their number depends on who the control persons are. If this
    configuration was audited already, a further run is no new attempt.
    """
    ledger, mark = ledger_of(job.config)
    if job.config.interpolate.is_dp or not ledger.is_dir():
        return 1
    try:
        earlier = attempts_before(ledger, mark, control=as_table(control, {}))
    except InputError:
        return 1  # `setup_problems` reports this error, and nothing can be released
    return foreseen_number(job.workspace.root, job.config, earlier)


def read_parts(job: Job) -> tuple[Mapping[str, Any] | None, LoadReport, Split]:
    """Return (counts of a hospital source or None, report of the loaded rows, records of train and control).

    The split is the same as in the run. Raise DataError if train is empty or if the source is unusable.
    """
    config, seeds = job.config, job.seeds
    with job.workspace.locked():
        extracted = prepare.extract_notes(job)
    report = prepare.read_source(job, extracted)
    parts = split(report.corpus, config.split, seeds.child("split"))
    if len(parts.train) == 0:
        raise DataError("the split assigned no record to train", hint="Supply more records, or raise split.train.")
    return None if extracted is None else extracted.counts, report, parts


def _warnings(config: Config, policy: Policy, parts: Split, problems: Sequence[str], attempt: int) -> list[str]:
    recovered = None
    is_certain = any(p.startswith(f"audit parent_recovery: {config.interpolate.method} makes") for p in problems)
    if "parent_recovery" in policy.required and not config.interpolate.is_dp and not is_certain:
        recovered = f"policy {policy.name}: {RECOVERED}"
    style = STYLE_WARNING if config.decode.style == AUTO and config.dp.epsilon is None else None
    public = PUBLIC_WARNING if config.secret == PUBLIC else None
    suite = f"policy {policy.name}: {SUITE}" if policy.selftest else None
    level = confidence_of(attempt, config.audit.confidence)
    repeated = REPEATED.format(attempt, level, unit_of(config)) if attempt > 1 else None
    too_few = selftest_warning(policy, persons_per_arm(parts), unit_of(config))
    found = (recovered, length_warning(config, parts.train), style, suite, too_few, public, repeated)
    return [warning for warning in found if warning is not None]


def _in_words(reach: Estimates, config: Config, policy: Policy, problems: Sequence[str]) -> dict[str, str]:
    """Return a text for each audit: what it can detect, and how its result affects the release.

    If an audit has too few persons, but is not in `problems`, the release does not require it to pass. Its text then
    contains `NOT_REQUIRED` in place of `TOO_FEW`.
    """
    reach = {**reach, "accounting": OWN_LOG} if config.interpolate.is_dp and "accounting" in reach else reach
    words = {name: what if isinstance(what, str) else what.to_text() for name, what in reach.items()}
    blocked = {name for name in words for p in problems if f"({name}." in p or p.startswith(f"audit {name}:")}
    shown = {name: what if name in blocked else what.replace(TOO_FEW, NOT_REQUIRED) for name, what in words.items()}
    return {name: f"{what}. {_effect_on_decision(policy, name)}" for name, what in shown.items()}


def _effect_on_decision(policy: Policy, audit: str) -> str:
    of_audit = [rule for rule in policy.all_rules() if rule.metric.startswith(f"{audit}.")]
    rules = [rule.id for rule in of_audit if rule.metric not in STATED]
    of_rules = f"on the rule{'s' * (len(rules) > 1)} {', '.join(rules)}"
    ways = ["on its verdict"] * (audit in policy.required) + [of_rules] * bool(rules)
    if ways:
        return f"The release depends {' and '.join(ways)}"
    rule = f"; the rule {of_audit[0].id} requires only that the parents are known" if of_audit else ""
    return f"The audit is measured only, so its result does not affect the release{rule}"


def _remaining_budget(config: Config, policy: Policy, persons: int) -> tuple[str | None, str | None]:
    """Return (budget spent in the ledger, reason why the run would not get its budget), each a text or None."""
    if not config.interpolate.is_dp:
        return None, None
    is_reserved, spent = False, None
    try:
        if ledger_of(config)[0].is_dir():
            before, is_reserved = check_remaining_budget(config, policy)
            reserved = "; this run continues with its own reservation" if is_reserved else ""
            if before is not None:
                spent = f"epsilon {before.epsilon:.4g} at delta {before.delta:g} for all runs together{reserved}"
    except Overspent as refused:
        why = "; ".join(refused.problems) or refused.message
        return None, f"dp: the remaining budget in the ledger does not cover this run; the run would stop: {why}"
    problem = None if is_reserved else delta_problem(config, policy, persons)
    return spent, problem and f"{problem}; the run would stop before it reserves its budget"


def _n_classifiers(config: Config) -> int:
    is_dp = config.interpolate.is_dp
    parents = 0 if is_dp else config.interpolate.build().max_parents
    return 0 if config.filter.class_agreement is None else fits_for(parents)


def _disclosure(config: Config) -> str | None:
    vocabulary = vocabulary_of(config)
    return None if vocabulary is None else disclosure(config.decode.words, len(vocabulary.reader.words))


def _segments(config: SegmentsConfig, train: Corpus) -> dict[str, Any]:
    splitter = learn_splitter(config, train.texts, [r.group for r in train.records])
    n = sum(part.text != "" for text in train.texts for part in splitter.split(text))
    return {"per_record": n / len(train), "headings": [*splitter.headings.values()]}

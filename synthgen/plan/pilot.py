"""Run a pilot: write and filter a few texts before a run, to predict the results and the duration of the run.

The pilot runs the stages from load to embed on the whole source, and the later run reuses the results. But if train
and control have more than `sample.MOST_RECORDS` records, the pilot de-identifies and embeds only a sample of
persons, and the run repeats these two stages. Then the pilot makes about `PILOT_LATENTS` latents (vectors to
decode), writes one candidate text for each, and filters the candidates. The accepted share of each label (class)
predicts the number of records. The times of the stages predict the duration. The accepted texts predict the utility
and the results of audits.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import audits
from audits.core.stats import clopper_pearson
from audits.core.types import AuditInputs
from audits.gate.policy import Policy
from audits.gate.utility import distance_of_shares
from synthgen.core.files import write_json
from synthgen.core.tables import read_candidates
from synthgen.core.types import Candidate, Corpus, Counts, Embedded, Float32, Latents, Record, counts_by_reason
from synthgen.decode.config import BRIDGE, MIN_TOKENS_PER_WORD, PLAIN, DecodeConfig
from synthgen.dp.certain_refusals import split_problems
from synthgen.embed import Encoder
from synthgen.evaluate.classifiers import LabelledTexts, encoder_logistic
from synthgen.filter.classifier import SHARE_OF_REAL
from synthgen.filter.stage import JUDGED
from synthgen.interpolate.base import largest_remainder
from synthgen.pipeline import prepare, rounds, stage_order
from synthgen.pipeline.job import Job
from synthgen.pipeline.judge import as_table
from synthgen.pipeline.segments import encoder_for
from synthgen.pipeline.workspace import StageResult, finish
from synthgen.plan.expected_utility import ExpectedRatio, expected_utility
from synthgen.plan.sample import sample_for_pilot
from synthgen.plan.stage_times import StageTime, resources_text, stage_times

Utility = Mapping[str, ExpectedRatio]  # key: name of a metric of utility; value: its prediction
PILOT_LATENTS = 120  # number of latents; if the accepted share is 50 %, its standard error is 4.6 percentage points
MIN_LATENTS_PER_CLASS = 4  # smallest number of latents of a class in the pilot
MIN_ACCEPTED_TEXTS = 10  # with fewer accepted texts of a class, the expected ratio of the class is unreliable
TEXTS = "pilot.json"  # file of the workspace with the text, label and outcome of each candidate of the pilot
CONFIDENCE = 0.975  # one-sided confidence of each end of the interval around the accepted share of all candidates
AGREEMENT = "class_agreement"  # the filter that rejects texts that do not fit their class
CAUTION = 0.9  # one-sided confidence of the lower limit of the accepted share of a class; see `_rarely_accepted`
SINGLE_TEXT_AUDITS = ("memorization", "identifiers")  # these audits can fail because of a single text of the pilot
RATIOS = (
    "  how well a classifier learns from the records, relative to real records: macro F1 (tstr_over_trtr), and "
    "recall of the weakest class (worst_class_ratio)"
)
STYLE_ADVICE = "with decode.style: plain, texts can read like textbooks; `auto` selects the best style for your texts"
# key: reason of a rejection, or name of a filter that states no reason; value: what is wrong, and what to change
REMEDIES = {
    AGREEMENT: "the texts do not fit their class: lower filter.class_agreement, or merge similar classes",
    "length_short": "the texts are shorter than the real ones: add the section `segments` if the method allows it, "
    "raise decode.max_new_tokens, or set filter.length to [shortest, longest]",
    "length_long": "the texts are longer than the real ones: lower decode.max_new_tokens",
    "label_word": "the texts name their class, but real texts do not: describe the text type in decode.prompt",
    "repetition": "the texts repeat their own words: raise decode.temperature to 1, or raise filter.repetition",
    "legibility": "the texts consist of numbers, codes or names: describe the text type in decode.prompt",
    "fluency": "the language model is untrained or damaged: check decode.model; or lower decode.temperature",
    "language": "the language model does not write the language of the source: set decode.model and decode.bridge",
    "latent_distance_far": "the texts do not fit their vectors: set decode.style: auto, or raise the limit "
    "filter.embedding_distance.high",
    "class_distance_far": "the texts have other subjects than their class: name the type of text in decode.prompt",
    "class_distance_near": "the texts are more typical of the class than real ones: raise decode.temperature",
    "copy": "the texts repeat passages of train: lower decode.words, or raise interpolate.k_neighbors",
    "near_duplicate": "the texts repeat one another: raise decode.temperature",
    "attributes": "few texts fulfil the rules of filter.attributes: remove some of these rules",
    "empty": "the language model writes no words: check decode.model",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pilot:
    """Results of a pilot. They are private, because they depend on train and control."""

    n_read: int  # number of records of train and control that the pilot read
    n_source: int  # number of records of train and control in the whole source
    written: Counts  # number of candidates by label
    accepted: Counts  # number of candidates that passed all filters, by label
    rejected: Counts  # number of rejected candidates, by the reason of the first filter that they failed
    share: float  # accepted share of the candidates of the pilot, 0 to 1
    low: float  # lower end of the interval of `share`, with 97.5 % confidence
    high: float  # upper end of the interval of `share`, with 97.5 % confidence
    records: Counts  # expected number of synthetic records of the run by label
    run_share: float  # expected accepted share of the run; later rounds write only classes that lack records
    texts: int  # expected number of candidates of the run in all rounds
    minutes: float  # expected minutes of the whole run, without the calibration suite of the policy
    minutes_done: float  # minutes of the stages whose results the run reuses, included in `minutes`
    stages: tuple[StageTime, ...]  # the time of each stage of the run; the sum is `minutes`
    utility: Utility  # expected utility by metric; see `expected_utility`
    limits: Mapping[str, float]  # limits of the policy for metrics of utility, by name of the metric
    advice: tuple[str, ...]  # optional changes of the configuration, for example against frequent rejections
    risks: tuple[str, ...]  # rules that the run might fail, and audits that fail on the accepted texts
    problems: tuple[str, ...]  # why the run will end, or is expected to end, without a release

    def __repr__(self) -> str:
        return f"Pilot(problems: {len(self.problems)}, risks: {len(self.risks)})"

    def to_text(self) -> str:
        """Return the pilot as text for a terminal."""
        n, n_records = sum(self.written.values()), sum(self.records.values())
        lines = [
            f"pilot of {n} texts: {self.share:.0%} accepted [{self.low:.0%}, {self.high:.0%}]",
            *(f"  {label[:32]:<32} {self.accepted.get(label, 0):>3} of {k:>3}" for label, k in self.written.items()),
            *(f"  rejected by {reason}: {k}" for reason, k in self.rejected.items()),
        ]
        if self.n_read < self.n_source:
            lines.append(
                f"the pilot read a random sample of {self.n_read:,} of {self.n_source:,} records; the expected "
                "utility, the risks and the input checks below are those of this sample"
            )
        lines.append(
            f"expected: {n_records} records from {self.texts} texts in {self.minutes:.0f} minutes; the pilot "
            f"has already done {self.minutes_done:.0f} minutes of this work; {self.run_share:.0%} of the texts pass "
            "the filters"
        )
        lines += [f"  {line}" for line in (*(stage.to_text() for stage in self.stages), *resources_text(self.stages))]
        lines += [RATIOS] if self.utility else []
        lines += [
            f"  {name}: {one.value:.2f} expected, lower end {one.low:.2f}{self._limit(name)}"
            for name, one in self.utility.items()
        ]
        lines += ["  optional changes, which a release does not need:"] if self.advice else []
        lines += [f"    {line}" for line in self.advice]
        return "\n".join([*lines, *(f"  at risk: {risk}" for risk in self.risks)])

    def _limit(self, name: str) -> str:
        return f" (limit {self.limits[name]:g})" if name in self.limits else ""


def run_pilot(job: Job, policy: Policy, wanted: Counts) -> Pilot:
    """Run the pilot of a configuration that has no privacy budget, and return the results of the pilot.

    `wanted` is the wanted number of records of each label. An error that stops the pilot would also stop the run.

    Privacy: reads train and control; the result is private. No text is released, so the ledger records no attempt.
    """
    done: list[StageResult] = []
    with job.workspace.locked():
        prepared, encoder, embedded, view = _prepare(job, done)
        setup, reconstructed = finish(stage_order.set_up_writing(job, view, encoder), done)
        start = rounds.first_round(setup, reconstructed.digest, pilot=pilot_counts(wanted))
        n_reused = len(done)
        pilot_job = replace(job, root=job.seeds.child("pilot"))  # the run must not repeat the pilot's random numbers
        state, latents, filtered = finish(stage_order.write_round(pilot_job, setup, start, reconstructed, 1), done)
    judged = read_candidates(filtered.folder / JUDGED)
    write_json(job.workspace.root / TEXTS, [_shown(candidate) for candidate in judged])
    n_candidates, rates = job.config.decode.candidates, accepted_rates(judged)
    records, requested = expected(wanted, {y: 1 - (1 - p) ** n_candidates for y, p in rates.items()})
    texts = sum(requested.values()) * n_candidates
    sizes = len(prepared.train), len(prepared.control), sum(records.values())
    n_source = next(stage.counts["out"] for stage in done if stage.name == "split")  # in the whole source
    repeats = texts / len(judged)
    stages = stage_times(done[:n_reused], done[n_reused:], repeats=repeats, sizes=sizes, n_source=n_source)
    n_accepted = sum(c.passed for c in judged)
    interval = clopper_pearson(n_accepted, len(judged), confidence=CONFIDENCE)
    problems = tuple(split_problems(policy, prepared, job.seeds, job.config.audit.confidence))
    rng = job.seeds.child("pilot", "utility").generator()
    utility = expected_utility(*_accepted(judged, state.vectors, latents), embedded, records, rng)
    return Pilot(
        n_read=sizes[0] + sizes[1],
        n_source=n_source,
        written=dict(sorted(Counter(c.label for c in judged).items())),
        accepted=dict(sorted(Counter(c.label for c in judged if c.passed).items())),
        rejected=counts_by_reason(judged),
        share=n_accepted / len(judged),
        low=interval.low,
        high=interval.high,
        records=records,
        run_share=sum(n * rates[label] for label, n in requested.items()) / sum(requested.values()),
        texts=texts,
        minutes=sum(stage.done + stage.rest for stage in stages) / 60,
        minutes_done=sum(stage.done for stage in stages) / 60,
        stages=stages,
        utility=utility,
        limits={r.metric.rpartition(".")[2]: r.limit for r in policy.all_rules() if r.metric.startswith("utility")},
        risks=(
            *_risks(policy, utility, n_candidates, judged, prepared.train),
            *_rarely_accepted(policy, wanted, judged, n_candidates),
            *(() if problems else _audit_risks(job, policy, prepared, judged)),
        ),
        advice=(
            *([STYLE_ADVICE] if _is_plain(job.config.decode) else []),
            *_advice(judged, filtered.counts["bounds"], 0 if setup.segment_writer else setup.max_new_tokens),
            *_most_confused(judged, state.vectors, embedded),
            *_savings(wanted, rates, n_candidates, texts),
        ),
        problems=(*problems, *_problems(policy, wanted, records, n_accepted)),
    )


def _prepare(job: Job, done: list[StageResult]) -> tuple[prepare.Prepared, Encoder, Embedded, rounds.TrainingView]:
    """Run the first stages; append the results of all of them to `done`, in the order of the run."""
    extracted = prepare.extract_notes(job)
    loaded = prepare.load_source(job, extracted)
    whole = prepare.split_source(job, loaded)
    parts = sample_for_pilot(job, whole)
    clean = prepare.replace_identifiers(job, loaded, parts)
    prepared = prepare.read_prepared(job, parts, clean)
    encoder = encoder_for(job, prepared.train)
    vectorised, embedded = prepare.embed_train(job, clean, prepared.train, encoder)
    done += [*filter(None, [extracted]), loaded, whole, clean, vectorised]
    names = prepare.replaced_names(clean.folder, prepared.train)
    return prepared, encoder, embedded, rounds.fitted_on(job, prepared.train, embedded, vectorised.digest, names)


def pilot_counts(wanted: Counts) -> dict[str, int]:
    """Return `PILOT_LATENTS` divided in proportion to `wanted`, with at least `MIN_LATENTS_PER_CLASS` per label."""
    counts = largest_remainder(wanted, PILOT_LATENTS)
    return {label: max(n, MIN_LATENTS_PER_CLASS) for label, n in counts.items()}


def _shown(candidate: Candidate) -> dict[str, str]:
    failed = [o.reason or o.name for o in candidate.outcomes if not o.passed]
    outcome = f"rejected: {', '.join(failed)}" if failed else "accepted"
    return {"label": candidate.label, "outcome": outcome, "text": candidate.text}


def accepted_rates(judged: Sequence[Candidate]) -> dict[str, float]:
    """Return the accepted share of each label, moved towards the accepted share of all candidates.

    The share is (accepted + 2 · s) / (candidates + 2), where s is the accepted share of all candidates. The
    formula avoids shares of 0 and 1 for labels with few candidates.
    """
    overall = sum(c.passed for c in judged) / len(judged)
    of_label: dict[str, list[bool]] = defaultdict(list)
    for candidate in judged:
        of_label[candidate.label].append(candidate.passed)
    return {label: (sum(kept) + 2 * overall) / (len(kept) + 2) for label, kept in of_label.items()}


def expected(wanted: Counts, rates: Mapping[str, float]) -> tuple[dict[str, int], dict[str, int]]:
    """Return the expected numbers of records and of latents by label.

    `rates` has, by label, the share of the latents that give a record.
    """
    requested, number = rounds.first_requested(wanted), 1
    kept_before = dict.fromkeys(wanted, 0.0)
    while True:
        kept = {label: n * rates[label] for label, n in requested.items()}
        further = rounds.further_requested(wanted, kept_before, kept, requested, number)
        if further is None:
            return {label: min(n, round(kept[label])) for label, n in wanted.items()}, requested
        kept_before, requested, number = kept, further, number + 1


def _advice(
    judged: Sequence[Candidate], bounds: Mapping[str, Mapping[str, float]], max_new_tokens: int
) -> Iterator[str]:
    """Yield what to change for each reason that rejected at least a tenth of the candidates, most frequent first.

    `bounds` has the limits of each filter, by the filter's name. An additional line follows in two cases:

    - The reason is `length_long`, and `max_new_tokens` allows longer texts than the filter accepts. With segments,
      whose limit is not that of a record, `max_new_tokens` must be 0.
    - The reason is `class_agreement`, and a smaller minimum would accept the share `SHARE_OF_REAL` of the real
      records.
    """
    counts = Counter(counts_by_reason(tuple(judged)))
    for reason, n in counts.most_common():
        if n < len(judged) / 10:
            return
        name = "attributes" if reason.startswith("attributes") else reason
        remedy = REMEDIES.get(name, f"see the configuration key filter.{name}")
        yield f"{reason} rejected {n / len(judged):.0%} of the texts: {remedy}"
        longest = bounds["length"]["high"] if reason == "length_long" else math.inf
        if (enough := MIN_TOKENS_PER_WORD * longest) < max_new_tokens:
            yield f"decode.max_new_tokens: `auto` cuts texts at about {enough:.0f} tokens, the length of real texts"
        limits = bounds.get(AGREEMENT, {}) if reason == AGREEMENT else {}
        if (lower := limits.get("minimum_for_most_real", 1.0)) < limits.get("minimum", 0.0):
            scores = [o.score for c in judged for o in c.outcomes if o.name == reason]
            yield (
                f"filter.class_agreement: {limits['minimum']:g} keeps {limits['share_of_real_kept']:.0%} of the real "
                f"records; {lower:.2g} would keep {SHARE_OF_REAL:.0%} of the real records and "
                f"{sum(s >= lower for s in scores) / len(scores):.0%} of the pilot's texts"
            )


def _is_plain(decode: DecodeConfig) -> bool:
    return (decode.writer, decode.bridge, decode.style) == (BRIDGE, "builtin", PLAIN)


def _most_confused(judged: Sequence[Candidate], vectors: Float32, train: Embedded) -> Iterator[str]:
    """Yield a line on the two classes that are confused most in the texts that `class_agreement` rejected.

    A classifier trained on the vectors of train predicts the class of each text. Nothing is yielded if the filter
    rejected fewer than 10 % of the texts, or if every prediction is the label of the text.
    """
    rejected = [i for i, c in enumerate(judged) if any(o.name == AGREEMENT and not o.passed for o in c.outcomes)]
    if len(rejected) < len(judged) / 10:
        return
    labels = [judged[i].label for i in rejected]
    texts = LabelledTexts.of([judged[i].text for i in rejected], labels, vectors[rejected])
    classes = encoder_logistic(LabelledTexts.of(train.ids, train.labels, train.vectors), texts, 0)
    pairs = zip(texts.labels.tolist(), classes.tolist(), strict=True)
    counts = Counter((label, predicted) for label, predicted in pairs if label != predicted)
    for (label, predicted), n in counts.most_common(1):
        count = f"{n} of the {len(rejected)} texts that this filter rejected"
        yield f"{AGREEMENT}: {count} were written for {label}, but are more similar to {predicted}"


def _savings(wanted: Counts, rates: Mapping[str, float], n_candidates: int, texts: int) -> Iterator[str]:
    """Yield a line if, with one candidate per latent, less than 75 % of the `texts` texts would be enough."""
    n_with_one = sum(expected(wanted, rates)[1].values())
    if n_candidates > 1 and n_with_one < 0.75 * texts:
        yield (
            f"decode.candidates: {n_candidates} texts are written for each vector, and the text nearest to the "
            f"vector is kept; with 1 text for each vector, about {n_with_one} texts are enough, but their quality is "
            "lower"
        )


def _accepted(judged: Sequence[Candidate], vectors: Float32, latents: Latents) -> tuple[LabelledTexts, set[str]]:
    """Return the accepted texts with their vectors, and the ids of the records that they were made from."""
    rows = [i for i, candidate in enumerate(judged) if candidate.passed]
    row_of_latent = {name: i for i, name in enumerate(latents.ids)}
    parents = {p for i in rows for p in latents.parent_ids[row_of_latent[judged[i].latent_id]]}
    kept = [judged[i] for i in rows]
    return LabelledTexts.of([c.text for c in kept], [c.label for c in kept], vectors[rows]), parents


def _risks(
    policy: Policy, utility: Utility, n_candidates: int, judged: Sequence[Candidate], train: Corpus
) -> Iterator[str]:
    """Yield a line for each rule whose lower limit on a utility metric exceeds the expected ratio.

    If a rule limits the lower end of an interval, the interval of the expected ratio is compared. Rules on metrics
    that `utility` lacks are skipped.
    """
    for rule in policy.all_rules():
        source, _, name = rule.metric.rpartition(".")
        if not source.startswith("utility") or rule.op != ">=" or name not in utility:
            continue
        value, low, label = utility[name]
        if (low if rule.bound == "low" else value) < rule.limit:
            candidates = "" if n_candidates >= 4 else ", set decode.candidates to 4"
            n = sum(candidate.passed and candidate.label == label for candidate in judged)
            persons, is_unsure = len({r.group for r in train.records if r.label == label}), n < MIN_ACCEPTED_TEXTS
            likely = f"a refusal is {'possible' if value >= rule.limit or (label and is_unsure) else 'likely'}"
            few = f"; the pilot accepted only {n} texts of this class, too few for a reliable estimate" * is_unsure
            weakest = f"; the weakest class is {label} ({persons} persons in train{few}): add persons to this class, "
            for_class = f"{weakest}leave it out (source.min_class with `then: drop`), " if label else "; "
            yield (
                f"rule {rule.id}: {name} is expected to be {value:.2f} (lower end of its interval: {low:.2f}), and "
                f"the limit is {rule.limit:g}, so {likely}{for_class}request more records (interpolate.total)"
                f"{candidates}, or compare the texts of `synthgen preview` with your texts"
            )


def _rarely_accepted(policy: Policy, wanted: Counts, judged: Sequence[Candidate], n_candidates: int) -> Iterator[str]:
    """Yield a line for each rule on class sizes that would fail if few texts of each class were accepted.

    For each class, the lower limit of the accepted share is assumed, with the one-sided confidence `CAUTION`.
    """
    written, kept = Counter(c.label for c in judged), Counter(c.label for c in judged if c.passed)
    low_rates = {y: clopper_pearson(kept[y], written[y], confidence=CAUTION).low for y in wanted}
    records, _ = expected(wanted, {y: 1 - (1 - p) ** n_candidates for y, p in low_rates.items()})
    distance = distance_of_shares(records, wanted)
    few = ", ".join(f"{y}: {kept[y]} of {written[y]}" for y, n in wanted.items() if records[y] < n)
    for rule in policy.all_rules():
        if rule.metric == "balance.tv_distance" and distance > rule.limit:
            yield f"rule {rule.id}: few texts of some classes pass the filters ({few}), so records may be missing"


def _audit_risks(job: Job, policy: Policy, prepared: prepare.Prepared, judged: Sequence[Candidate]) -> Iterator[str]:
    """Yield a line for each audit in `SINGLE_TEXT_AUDITS` that affects the decision and fails on accepted texts."""
    deciding = {*policy.required, *(rule.metric.partition(".")[0] for rule in policy.all_rules())}
    names = [name for name in SINGLE_TEXT_AUDITS if name in deciding]
    written = tuple(Record(id=c.latent_id, text=c.text, label=c.label, group=c.latent_id) for c in judged if c.passed)
    if not names or not written:
        return
    inputs = AuditInputs(
        synthetic=as_table(Corpus(role="synthetic", records=written, has_groups=False), {}),
        train=as_table(prepared.train, {}),
        control=as_table(prepared.control, {}),
        identifiers=prepared.identifiers,
        control_identifiers=prepared.control_identifiers,
        near_duplicate_rate=prepared.near_duplicate_rate,
    )
    report = audits.run(inputs, names=names, seed=job.seeds.child("pilot", "audit").integer())
    for result in report.results:
        if result.verdict == "fail":
            yield f"audit {result.name}: fails on the {len(written)} accepted texts of the pilot; {result.reason}"


def _problems(policy: Policy, wanted: Counts, records: Counts, n_accepted: int) -> Iterator[str]:
    """Yield why the run is expected to end without a release: no accepted text, or a failed rule on class sizes."""
    if n_accepted == 0:
        yield "pilot: no text passed the filters, so the run would write few records or none"
        return
    distance = distance_of_shares(records, wanted)
    for rule in policy.all_rules():
        if rule.metric == "balance.tv_distance" and distance > rule.limit:
            few = ", ".join(f"{label}: {records[label]} of {n}" for label, n in wanted.items() if records[label] < n)
            yield f"pilot: too few records of some classes are expected for rule {rule.id} ({few})"

"""`synthgen plan`: what a run would take and whether its audits can conclude, before any work."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audits.parts import REFERENCE_SHARE
from audits.policy import Policy, load_policy
from audits.stats import needed_for_auc, needed_for_share, needed_for_zero_events
from synthgen.config import Config, SegmentsConfig
from synthgen.decode.bridge import load_vocabulary
from synthgen.errors import DataError
from synthgen.filter.attributes import check_labels
from synthgen.interpolate import build, check_classes, wanted_counts
from synthgen.load import load
from synthgen.run import policy_file
from synthgen.seeds import SeedTree
from synthgen.segment import learn_splitter
from synthgen.split import Split, split
from synthgen.steps.adapt import WARNING as ADAPT_WARNING
from synthgen.steps.adapt import check_adapt
from synthgen.steps.write import SPARE
from synthgen.types import Corpus

TOKENS_PER_SECOND = 500  # of the embedded decoder on two cores, a cautious round figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would happen."""

    rows: int
    bad_rows: dict[str, int]
    train: dict[str, int]
    control: dict[str, int]
    persons: dict[str, int]
    wanted: dict[str, int]
    candidates: int
    segments: dict[str, float] | None  # per_record of train on average, and headings that enough persons share
    minutes: float
    policy: str
    audits: dict[str, str]
    told: str | None = None  # of each vector, where texts are written from words alone
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain data."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__} | {"epsilon": None}

    def to_text(self) -> str:
        """Return the plan for people."""
        lines = [f"rows: {self.rows}, bad: {sum(self.bad_rows.values())}"]
        lines += [f"  bad: {reason}: {count}" for reason, count in self.bad_rows.items()]
        lines.append(f"persons: {self.persons['train']} train, {self.persons['control']} control")
        lines.append(f"{'class':<32} {'train':>7} {'control':>8} {'to write':>9}")
        lines += [
            f"{label[:32]:<32} {self.train[label]:>7} {self.control.get(label, 0):>8} {count:>9}"
            for label, count in self.wanted.items()
        ]
        if self.segments is not None:
            many, headings = self.segments["per_record"], self.segments["headings"]
            lines.append(f"segments: {many:.1f} a record, {headings:.0f} shared headings")
        lines.append(f"texts to decode: about {self.candidates}, {self.minutes:.0f} minutes on two cores")
        if self.told is not None:
            lines.append(f"told of each vector: {self.told}, and nothing else")
        lines += [f"WARNING {warning}" for warning in self.warnings]
        lines.append("epsilon to be spent: none; the method makes no DP claim")
        lines.append(f"policy {self.policy}:")
        return "\n".join(lines + [f"  {name}: {what}" for name, what in self.audits.items()])


def make_plan(config: Config) -> Plan:
    """Return the plan of a configuration; reads the source, writes nothing.

    Raises:
        ConfigError, DataError: everything a run would refuse at once.
    """
    policy = load_policy(policy_file(config))
    check_adapt(config.decode.adapt, policy)
    seeds = SeedTree(config.seed)
    report = load(config.source, config.resolve(config.source.path), seeds.child("load"))
    parts = split(report.corpus, config.split, seeds.child("split"))
    if len(parts.train) == 0:
        raise DataError("no person came into train", hint="Give more records, or raise split.train.")
    if config.filter.attributes is not None:
        check_labels(config.filter.attributes, parts.train.labels)
    method = build(config.interpolate)
    wanted = wanted_counts(parts.train.labels, config.interpolate.balance, config.interpolate.total)
    check_classes(parts.train.labels, [r.group for r in parts.train.records], wanted, method.min_groups)
    candidates = int(SPARE * sum(wanted.values()) * config.decode.candidates)
    segments = None if config.segments is None else _segments(config.segments, parts.train)
    tokens = config.decode.max_new_tokens * (1.0 if segments is None else segments["per_record"])
    return Plan(
        rows=report.n_rows,
        bad_rows=report.bad_counts(),
        train=parts.train.counts(),
        control=parts.control.counts(),
        persons={k: parts.report.groups.get(k, 0) for k in ("train", "control")},
        wanted=wanted,
        candidates=candidates,
        segments=segments,
        minutes=candidates * tokens / TOKENS_PER_SECOND / 60,
        policy=policy.name,
        audits=_reach(policy, parts, sum(wanted.values())),
        told=_told(config),
        warnings=() if config.decode.adapt is None else (ADAPT_WARNING,),
    )


def _told(config: Config) -> str | None:
    decode = config.decode
    if not decode.by_words:
        return None
    return load_vocabulary(decode.bridge, Path(config.base), encoder=config.embed.model).told(decode.words)


def _segments(config: SegmentsConfig, train: Corpus) -> dict[str, float]:
    splitter = learn_splitter(config, train.texts, [r.group for r in train.records])
    n = sum(part.text != "" for text in train.texts for part in splitter.split(text))
    return {"per_record": n / len(train), "headings": len(splitter.headings)}


def _reach(policy: Policy, parts: Split, n_synthetic: int) -> dict[str, str]:
    """Return, for each audit of the policy, whether the persons at hand are enough for a verdict."""
    train, control = (len({r.group for r in side.records}) for side in (parts.train, parts.control))
    both, events = min(train, control), needed_for_zero_events(0.01, confidence=policy.confidence)
    attacked = min(train, int((1 - REFERENCE_SHARE) * control))  # a part of control only teaches the attacks
    needed = {
        "replay": (both, events, "persons on each side"),
        "identifiers": (both, events, "persons on each side"),
        "membership": (attacked, needed_for_auc(0.05), "persons on each side, a fifth of control set aside"),
        "neighbours": (n_synthetic, needed_for_share(0.10), "synthetic records, if they are independent"),
    }
    reach = {}
    for name in (*policy.required, *policy.measured):
        if name not in needed:
            reach[name] = "not in this version, so the policy will refuse"
            continue
        have, need, unit = needed[name]
        enough = "enough for a verdict" if have >= need else "TOO FEW for a pass"
        reach[name] = f"{have} {unit}, {need} needed: {enough}"
    return reach

"""Split: each person's own coin decides; control records that repeat a train record are set aside."""

from dataclasses import dataclass

from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Record, Role
from synthgen.split.config import SplitConfig
from synthgen.split.dedup import near_duplicates

# above this share of control records with a near-duplicate in train, audits against control prove nothing
MAX_NEAR_DUPLICATE_RATE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitReport:
    """What the split came to.

    Args:
        groups: persons in train, control and rest.
        records: records by part and label; control is counted after near-duplicates were set aside.
        n_near_duplicates: control records set aside because train holds a near-duplicate of another person.
        near_duplicate_rate: their share of the control records; None where control is empty.
        has_too_many_near_duplicates: whether that share is above 1 %, so that audits must not conclude.
    """

    groups: dict[str, int]
    records: dict[str, dict[str, int]]
    n_near_duplicates: int
    near_duplicate_rate: float | None
    has_too_many_near_duplicates: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The parts: `train` is learned from, `control` is shown to nothing before the audits, `rest` is neither."""

    train: Corpus
    control: Corpus
    rest: Corpus
    report: SplitReport


def split(corpus: Corpus, config: SplitConfig, seeds: SeedTree) -> Split:
    """Return the corpus split by person.

        u(g) = sha256(seed path, g) / 2^256;  train if u < p,  control if p <= u < p + q,  rest otherwise

    Each person's coin depends on the seed and that person's id alone, so adding or removing a person moves nobody
    else; the audits' bounds need these independent coins, not shares of fixed size. A control record whose
    5-token shingles agree with a train record's to J >= .8 is set aside: it would count a copied text against
    the wrong side.

    Args:
        corpus: the source, identifiers still in it or not.
        config: p = `train`, q = `control`.
        seeds: the stage's stream.

    Returns:
        The three parts, each in the order of the corpus. A class may come out small or empty in a part; the report
        has the counts, and what needs more refuses later by name.

    Privacy: who learns the seed and a person's id learns that person's side; keep the seed private.
    Random: one hash per person.
    Cost: one MinHash pass over train and control.
    Source: independent inclusion as in Steinke, Nasr and Jagielski 2023, arXiv 2305.08846, section 3.
    """
    sides = {group: _side(group, config, seeds) for group in dict.fromkeys(r.group for r in corpus.records)}
    train, drawn, rest = (
        [r for r in corpus.records if sides[r.group] == part] for part in ("train", "control", "rest")
    )
    repeats = near_duplicates([r.text for r in drawn], [r.text for r in train])
    control = [r for r, is_repeat in zip(drawn, repeats, strict=True) if not is_repeat]
    parts = {
        "train": _part("train", train, corpus),
        "control": _part("control", control, corpus),
        "rest": _part("reference", rest, corpus),
    }
    n_repeats = len(drawn) - len(control)
    rate = n_repeats / len(drawn) if drawn else None
    report = SplitReport(
        groups={name: sum(side == name for side in sides.values()) for name in parts},
        records={name: part.counts() for name, part in parts.items()},
        n_near_duplicates=n_repeats,
        near_duplicate_rate=rate,
        has_too_many_near_duplicates=rate is not None and rate > MAX_NEAR_DUPLICATE_RATE,
    )
    return Split(train=parts["train"], control=parts["control"], rest=parts["rest"], report=report)


def _side(group: str, config: SplitConfig, seeds: SeedTree) -> str:
    u = int.from_bytes(seeds.child("person", group).key(), "big") / 2**256
    if u < config.train:
        return "train"
    # shares that sum to 1 leave nobody over, whatever their sum is in floating point
    is_whole = config.train + config.control >= 1 - 1e-9
    return "control" if is_whole or u < config.train + config.control else "rest"


def _part(role: Role, records: list[Record], corpus: Corpus) -> Corpus:
    return Corpus(role=role, records=tuple(records), has_groups=corpus.has_groups)

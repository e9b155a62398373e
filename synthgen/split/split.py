"""Split persons at random into parts, and remove near-duplicates of train from control."""

from dataclasses import dataclass

from synthgen.core.near_duplicates import near_duplicates
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Corpus, Role
from synthgen.split.config import SplitConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitReport:
    """Sizes of the parts, and number and share of the near-duplicates removed from control."""

    groups: dict[str, int]  # number of persons by part (train, control, rest), before near-duplicates were removed
    records: dict[str, dict[str, int]]  # number of records by part and label, after near-duplicates were removed
    n_near_duplicates: int  # number of control records that were removed as near-duplicates of train records
    near_duplicate_rate: float | None  # share of control records that were removed; None if control was empty


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The three parts of a corpus. Synthetic records are made only from `train`. The part `rest` is not used."""

    train: Corpus
    control: Corpus
    rest: Corpus
    report: SplitReport


def split(corpus: Corpus, config: SplitConfig, seeds: SeedTree) -> Split:
    """Return the corpus split by person.

        u(g) = (key of `seeds` for person g) / 2^256;  train if u < p,  control if p <= u < p + q,  rest otherwise

    Here g is the id of a person, p = `config.train` and q = `config.control`. The key is a hash (`SeedTree.key`) of
    the run's secret (if any), the seed and the id. The part of a person therefore does not depend on other persons.

    A control record is removed if it is a near-duplicate of a train record (the Jaccard index of their 5-token
    shingles is at least 0.8), because the audits assume that train contains no texts of control. The order of the
    records is kept.

    Privacy: the secret, the seed and a person's id reveal the person's part, so keep the secret private. Without a
        secret, the seed and the id suffice to compute the part, and the seed can be guessed.
    Reference: independent inclusion as in Steinke, Nasr and Jagielski 2023, arXiv 2305.08846, section 3.
    """
    part_of = {group: _drawn_part(group, config, seeds) for group in {r.group for r in corpus.records}}
    roles: dict[str, Role] = {"train": "train", "control": "control", "rest": "reference"}  # role by part
    records = {part: [r for r in corpus.records if part_of[r.group] == part] for part in roles}
    control = records["control"]
    repeats = near_duplicates([r.text for r in control], [r.text for r in records["train"]])
    records["control"] = [r for r, is_repeat in zip(control, repeats, strict=True) if not is_repeat]
    corpora = {
        part: Corpus(role=role, records=tuple(records[part]), has_groups=corpus.has_groups)
        for part, role in roles.items()
    }
    n_repeats = len(control) - len(corpora["control"])
    report = SplitReport(
        groups={part: sum(drawn == part for drawn in part_of.values()) for part in corpora},
        records={part: part_corpus.counts() for part, part_corpus in corpora.items()},
        n_near_duplicates=n_repeats,
        near_duplicate_rate=n_repeats / len(control) if control else None,
    )
    return Split(**corpora, report=report)


def _drawn_part(group: str, config: SplitConfig, seeds: SeedTree) -> str:
    u = int.from_bytes(seeds.child("person", group).key(), "big") / 2**256
    if u < config.train:
        return "train"
    has_no_rest = config.train + config.control >= 1 - 1e-9  # the two probabilities sum to 1 up to rounding
    return "control" if has_no_rest or u < config.train + config.control else "rest"

"""Attack a release: test whether its public files reveal more about who is in train than its audits state.

    python benchmarks/attack.py CONFIG [--bundle RELEASE] [--guesses 20000] [--persons 400]

A run assigns each person of the source to one of two sides: train, from whose records it makes the synthetic records,
or control. The adversary has the bundle (the released files), the code and the whole source, but not the secret of
the workspace, and knows the side of every person except the target. For each target, the adversary guesses the seed
(small numbers, dates, every number in the bundle, the real seed), recomputes ids and digests, looks for published
counts that are correct for only one side of the target, compares the order of the rows with the order of the source,
and compares texts. Each attack gives a score per person. The output has the AUC of each attack, and the interval of
the AUC that the audit `membership` states. To compute the AUC, the script reads the true sides from the workspace.
The exit code is 1 if the AUC of an attack lies significantly outside the interval of the audit.
"""

import argparse
import base64
import hashlib
import html
import io
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from audits.core.inputs import table_digest
from audits.core.stats import auc, auc_error
from audits.verify.bundle import ENVELOPE
from audits.verify.contents import METRICS
from synthgen.config import Config
from synthgen.core.seeds import SeedTree
from synthgen.core.tables import read_corpus
from synthgen.core.types import Corpus
from synthgen.interpolate.base import latent_ids
from synthgen.pipeline.judge import as_table
from synthgen.release.run import load_run

Scores = NDArray[np.float64]
CONFIDENCE = 0.999  # one-sided confidence of an attack's AUC, high because several attacks are tried
NAMES = 4  # for each guessed seed, the ids of the first four latents of each class are compared with the row ids
LEAST = 20  # smaller counts are ignored, because such small numbers occur in every bundle
WINDOW = 0.1  # fraction of the rows that is searched before and after a person's position
YEARS = range(1990, 2036)
DIGESTS = ("md5", "sha1", "sha256", "sha512", "blake2b")
DIGITS = 12  # a digest counts as found if its first 12 hex digits occur in the bundle


class Public(NamedTuple):
    """The content of a bundle: the bytes of its files, its synthetic rows, and the metrics of the audits."""

    files: Mapping[str, bytes]
    rows: list[dict[str, str]]
    metrics: Mapping[str, Mapping[str, float]]

    @property
    def numbers(self) -> list[int]:
        """The whole numbers in the bundle, except those in data files and in synthetic texts shown in the report."""
        shown = [html.escape(row["text"], quote=quote).encode() for row in self.rows for quote in (True, False)]
        found = []
        for data in (data for name, data in self.files.items() if not name.startswith("data/")):
            rest = data
            for text in (text for text in shown if text in data):
                rest = rest.replace(text, b"")
            found += [int(number) for number in re.findall(rb"(?<![\w.])\d{1,80}(?![\w.]|\.\d)", rest)]
        return found


@dataclass(frozen=True)
class Known:
    """What the adversary knows besides the bundle; only `is_train` of the current target is unknown."""

    source: Corpus
    persons: tuple[str, ...]  # the ids of the targets
    is_train: NDArray[np.bool_]  # bool (targets,)
    config: Config

    @property
    def texts(self) -> dict[str, list[str]]:
        """The texts of each person of the source."""
        found: dict[str, list[str]] = {}
        for record in self.source.records:
            found.setdefault(record.group, []).append(record.text)
        return found


def read_public(bundle: Path) -> Public:
    """Return the content of a bundle; the table and the signed payload are added in decoded form."""
    files = {p.relative_to(bundle).as_posix(): p.read_bytes() for p in sorted(bundle.rglob("*")) if p.is_file()}
    table = next(name for name in files if name.startswith("data/"))
    if table.endswith(".parquet"):
        rows = pq.read_table(io.BytesIO(files[table])).to_pylist()
    else:
        rows = [json.loads(line) for line in files[table].split(b"\n") if line]
    payload = base64.b64decode(json.loads(files[ENVELOPE])["payload"])
    unpacked = {"attestation/payload": payload, "data/unpacked": json.dumps(rows).encode()}
    return Public({**files, **unpacked}, rows, json.loads(files[METRICS])["metrics"])


def read_known(config: Config, n_persons: int) -> Known:
    """Return the source as the run loaded it, and `n_persons` random targets: half from train, if possible."""
    run = load_run(config)
    source = read_corpus(run.folder("load") / "records.parquet", "source")
    sides = {
        side: {r.group for r in read_corpus(run.folder("split") / f"{side}.parquet", side).records}
        for side in ("train", "control")
    }
    rng = np.random.default_rng(0)
    drawn = [sorted(sides[side]) for side in ("train", "control")]
    drawn = [[names[i] for i in rng.permutation(len(names))[: n_persons // 2]] for names in drawn]
    return Known(
        source=source,
        persons=tuple(drawn[0] + drawn[1]),
        config=config,
        is_train=np.arange(len(drawn[0]) + len(drawn[1])) < len(drawn[0]),
    )


def guesses(public: Public, known: Known, n: int) -> Iterator[int]:
    """Yield seeds to try: the real seed, the numbers in the bundle, 0 to n - 1, and dates as YYYYMMDD."""
    yield known.config.seed
    yield from dict.fromkeys(number for number in public.numbers if number < 1 << 53)
    yield from range(n)
    start = date(YEARS.start, 1, 1)
    days = (start + timedelta(i) for i in range((date(YEARS.stop, 1, 1) - start).days))
    yield from (int(f"{day:%Y%m%d}") for day in days)


def confirmed(public: Public, trees: Iterator[SeedTree]) -> SeedTree | None:
    """Return the first seed tree with a row id or a seed of the audits that is in the bundle, or None."""
    ids = {row["id"] for row in public.rows}
    names = [name for label in sorted({row["label"] for row in public.rows}) for name in latent_ids(label, NAMES)]
    numbers = set(public.numbers)
    for tree in trees:
        below, audit = tree.child("release-id"), tree.child("audit").key()
        seeds = {int.from_bytes(audit[:4], "big"), int.from_bytes(audit, "big")}
        if seeds & numbers or any(below.child(name).key().hex()[: len(next(iter(ids)))] in ids for name in names):
            return tree
    return None


def by_guessed_seed(public: Public, known: Known, n: int) -> Scores:
    """Return `coins` for the guessed seed that the bundle confirms, or zeros if it confirms no seed."""
    tried = (
        SeedTree(seed, secret=secret)
        for seed in guesses(public, known, n)
        for secret in (b"", bytes(32), hashlib.sha256(str(seed).encode()).digest())
    )
    found = confirmed(public, tried)
    return np.zeros(len(known.persons)) if found is None else coins(found, known)


def by_told_seed(_public: Public, known: Known, _n: int) -> Scores:
    """Return `coins` for the real seed, without the secret of the workspace."""
    return coins(SeedTree(known.config.seed), known)


def coins(tree: SeedTree, known: Known) -> Scores:
    """Return 1 for each target that the random draws of `tree` assign to train, and -1 for all other targets."""
    below = tree.child("split", "person")
    draws = [int.from_bytes(below.child(person).key(), "big") / 2**256 for person in known.persons]
    return np.where(np.array(draws) < known.config.split.train, 1.0, -1.0)


def by_digests(public: Public, known: Known, _n: int) -> Scores:
    """Return for each target how many digests of the person's ids and texts are in the bundle.

    If the bundle contains a digest of the train or control table, 1 is added for targets in train and subtracted for
    targets in control.
    """
    blob = b"\n".join(public.files.values()).lower()
    texts, records = known.texts, {r.group: r.id for r in known.source.records}
    scores = np.zeros(len(known.persons))
    for i, person in enumerate(known.persons):
        forms = {person, records[person], *texts[person], *(text.strip() for text in texts[person])}
        scores[i] = sum(
            hashlib.new(d, form.encode()).hexdigest()[:DIGITS].encode() in blob for form in forms for d in DIGESTS
        )
    # For each target, the adversary can build each table with and without the target. One of the two versions is
    # the real table, so it is enough to look for the digests of the real tables.
    digests = [digest for side in sides(known) for digest in (table_digest(as_table(side, {})), side.digest)]
    return scores + np.where(known.is_train, 1.0, -1.0) * any(digest[:DIGITS].encode() in blob for digest in digests)


def sides(known: Known) -> tuple[Corpus, Corpus]:
    """Return train and control from the workspace, before de-identification."""
    run = load_run(known.config)
    train, control = (read_corpus(run.folder("split") / f"{side}.parquet", side) for side in ("train", "control"))
    return train, control


def by_counts(public: Public, known: Known, _n: int) -> Scores:
    """Return how many counts in the bundle indicate that the target is in train, minus how many indicate control.

    The adversary knows the side of every other person. If the target has k records, train therefore has either n
    records (with the target) or n - k (without the target). The counts of persons and of the records of each class
    also have two possible values, and so have the counts of control. If the bundle contained exact counts, they would
    reveal the side of every target.
    """
    numbers = set(public.numbers)
    counted = [Counter(r.label for r in side.records) for side in sides(known)]
    people = [len({r.group for r in side.records}) for side in sides(known)]
    own = {person: Counter(r.label for r in known.source.records if r.group == person) for person in known.persons}
    scores = np.zeros(len(known.persons))
    for i, person in enumerate(known.persons):
        is_here, k = bool(known.is_train[i]), own[person].total()
        for arm, sign in ((0, 1), (1, -1)):  # 0: train, 1: control; a match in control is evidence against train
            inside = is_here == (sign == 1)
            moved = k if not inside else 0
            values = [(counted[arm].total() + moved, k), (people[arm] + (not inside), 1)]
            values += [(counted[arm][label] + (n if not inside else 0), n) for label, n in own[person].items()]
            for with_person, step in values:
                if with_person - step >= LEAST:
                    scores[i] += sign * ((with_person in numbers) - (with_person - step in numbers))
    return scores


def by_similarity(public: Public, known: Known, _n: int) -> Scores:
    """Return each target's largest similarity to a synthetic row, minus the similarity to other persons' records."""
    near, of_others = _similarities(public, known)
    return near.max(axis=1) - of_others


def by_order(public: Public, known: Known, _n: int) -> Scores:
    """Return each target's largest similarity to the synthetic rows near the target's relative position in train.

    If the synthetic rows were in the order of the train records, these rows would be made from the target's records.
    """
    near, _ = _similarities(public, known)
    order = list(dict.fromkeys(r.group for r in known.source.records))
    in_train = {r.group for r in sides(known)[0].records}  # `before` excludes the target, whose side is unknown
    before = dict(zip(order, np.cumsum([0, *(person in in_train for person in order)]).tolist(), strict=False))
    place = np.array([before[person] for person in known.persons]) / len(in_train)
    rows = np.arange(len(public.rows)) / len(public.rows)
    is_there = np.abs(place[:, None] - rows[None, :]) < WINDOW
    return np.where(is_there, near, 0.0).max(axis=1)


def _similarities(public: Public, known: Known) -> tuple[Scores, Scores]:
    """Return TF-IDF similarities of each target to synthetic rows (targets, rows) and to other persons (targets,).

    The similarity to other persons is the mean of the five largest similarities to records of other persons. The
    arrays are float64.
    """
    written = [row["text"] for row in public.rows]
    real = [r.text for r in known.source.records]
    model = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), max_features=50_000, sublinear_tf=True).fit(real)
    rows, records = model.transform(written), model.transform(real)
    of_targets = [i for i, r in enumerate(known.source.records) if r.group in set(known.persons)]
    groups = np.array([r.group for r in known.source.records])
    to_rows = (records[of_targets] @ rows.T).toarray()
    to_others = (records[of_targets] @ records.T).toarray()
    to_others[groups[of_targets][:, None] == groups[None, :]] = -1
    own = [np.flatnonzero(groups[of_targets] == person) for person in known.persons]
    near = np.stack([to_rows[mine].max(axis=0) for mine in own])
    others = np.array([np.sort(to_others[mine].max(axis=0))[-5:].mean() for mine in own])
    return near, others


ATTACKS = {
    "guessed seeds": by_guessed_seed,
    "the real seed, given": by_told_seed,
    "digests of ids, texts, tables": by_digests,
    "counts with and without": by_counts,
    "order of the rows": by_order,
    "similarity of the texts": by_similarity,
}


def together(scores: list[Scores], is_train: NDArray[np.bool_]) -> Scores:
    """Return a combined score per target: the cross-validated output of a logistic regression on the scores."""
    features = np.stack(scores, axis=1)
    model = make_pipeline(StandardScaler(), LogisticRegression())
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    found = cross_val_predict(model, features, is_train, cv=folds, method="decision_function")
    return np.asarray(found, dtype=np.float64)


class Line(NamedTuple):
    """One attack: its AUC, the interval of the AUC, and whether this interval lies outside that of the audits."""

    name: str
    value: float
    low: float
    high: float
    beats: bool


def judged(name: str, scores: Scores, is_train: NDArray[np.bool_], least: float, most: float) -> Line:
    """Return the AUC of the scores with its interval, compared with the interval of the audits, `least` to `most`."""
    sides = scores[is_train], scores[~is_train]
    value, error = auc(*sides), float(norm.ppf(CONFIDENCE)) * auc_error(*sides)
    return Line(name, value, value - error, value + error, beats=value - error > most or value + error < least)


def play(config: Config, bundle: Path, *, n_guesses: int, n_persons: int) -> list[Line]:
    """Return one line per attack, with the combination of all attacks last."""
    public, known = read_public(bundle), read_known(config, n_persons)
    # if the bundle states no AUC of the audits, every attack that is better than chance counts as a finding
    figure = public.metrics.get("membership.auc", {"low": 0.5, "high": 0.5})
    most = max(figure["high"], 1 - figure["low"])
    print(f"{len(known.persons)} persons, {len(public.rows)} rows; the audits: AUC {1 - most:.3f} to {most:.3f}")
    scores = {name: attack(public, known, n_guesses) for name, attack in ATTACKS.items()}
    scores["all together"] = together(list(scores.values()), known.is_train)
    return [judged(name, found, known.is_train, 1 - most, most) for name, found in scores.items()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, help="configuration of a released run")
    parser.add_argument("--bundle", type=Path, help="the release; by default the newest in release.out")
    parser.add_argument("--guesses", type=int, default=20_000, help="number of small seeds (0, 1, ...) to try")
    parser.add_argument("--persons", type=int, default=400, help="number of targets, half of each side")
    args = parser.parse_args()
    config = Config.load(args.config)
    bundle = args.bundle or max(config.resolve(config.release.out).glob("release-*"), key=lambda p: p.stat().st_mtime)
    lines = play(config, bundle, n_guesses=args.guesses, n_persons=args.persons)
    print(f"| {'attack':<30} | AUC  | {100 * CONFIDENCE:g} % each side | |\n|---|---:|---|---|")
    for line in lines:
        remark = "EXCEEDS" if line.beats else ""
        print(f"| {line.name:<30} | {line.value:.3f} | {line.low:.3f} to {line.high:.3f} | {remark} |")
    beaten = [line.name for line in lines if line.beats]
    print("exceeded by: " + ", ".join(beaten) if beaten else "no attack exceeds the interval of the audits")
    return 1 if beaten else 0


if __name__ == "__main__":
    sys.exit(main())

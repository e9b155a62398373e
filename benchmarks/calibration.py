"""Test the audits with the calibration suite on real corpora and the fictional clinic, with several seeds.

    python benchmarks/calibration.py [--corpora newsgroups20,mts_dialog,synthpai,db_bio,clinic] [--seeds 5]
        [--resplits 50] [--persons 3000] [--only AUDITS] [--checkpoints FOLDER] [--markdown FILE] [--json FILE]
        [--cases NAMES] [--quick]

For each corpus and seed, a random third of the persons is train and the rest control. The calibration suite of
`audits selftest` then builds releases with a known leak and clean releases (its *cases*), and checks the verdicts of
the audits. Afterwards, the persons are split again --resplits times into train, control and fresh people, who are in
neither table. The benchmark counts how often the audits stop a release that consists of the records of the fresh
people. The real corpora are in the folder SYNTHGEN_DATA. Some audits need other text of the same kind (a reference),
for which they use a fifth of the control persons. mts_dialog has too few persons for this, so its reference is the
notes of ACI-bench. Texts of real corpora are cut to 150 words. Of rows with nearly the same text, only the first is
kept.

The results are written to the folder of checkpoints, and an interrupted run continues from there. For each corpus,
the output states how often each audit gave each verdict on each case, how many cases have the right verdicts, and in
which share of the splits the audits stopped the release of fresh people.
"""

import argparse
import hashlib
import json
import os
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow.parquet as pq

sys.path.append(str(Path(__file__).parents[1] / "examples" / "clinic"))  # the fictional clinic

from fictional_clinic import generate

import audits
from audits.core.streams import stream
from audits.core.types import AuditInputs, Table
from audits.selftest.cases import CASES
from audits.selftest.run_suite import case_json, make_populations, run_case, select_audits
from audits.text.minhash import near_pairs, sketch
from audits.text.normalise import tokens
from synthgen.core.seeds import SeedTree

MAX_WORDS = 150
NEAR = 0.8  # Jaccard similarity from which two rows have nearly the same text
CONFIDENCE = 0.95
TRAIN_SHARE = 1 / 3
FRESH = next(case for case in CASES if case.name == "fresh_people")
MOST_BLOCKED = 0.2  # the output states whether the audits stop a release of fresh people in more splits than this


@dataclass(frozen=True)
class Source:
    """A corpus: its files, whether it has class labels, and files with public text of the same kind."""

    files: tuple
    labelled: bool = True
    reference: tuple = ()


SOURCES = {
    "newsgroups20": Source(("newsgroups20/train.parquet",)),
    "mts_dialog": Source(
        tuple(f"mts_dialog/{part}.parquet" for part in ("train", "validation", "test", "test2")),
        reference=tuple(f"aci_bench/{part}.parquet" for part in ("train", "valid", "test1", "test2", "test3")),
    ),
    "synthpai": Source(("synthpai/all.parquet",), labelled=False),
    "db_bio": Source(tuple(f"db_bio/{part}.parquet" for part in ("train", "validation", "test")), labelled=False),
}
CORPORA = (*SOURCES, "clinic")


def rows_of(corpus, persons):
    """Return the rows (text, label or None, person) of a corpus, without rows that nearly repeat an earlier row."""
    if corpus == "clinic":
        made = generate(persons, SeedTree(20261120).child("ladder").generator())
        rows = [(r["note"], r["specialty"], r["patient_id"]) for r in made]
    else:
        rows = read(SOURCES[corpus].files, labelled=SOURCES[corpus].labelled)
    kept = sketch([text for text, _, _ in rows])
    pairs = near_pairs(kept, kept)
    later = set(pairs.right[(pairs.left < pairs.right) & (pairs.jaccard >= NEAR)].tolist())
    seen, found = set(), []
    for i, row in enumerate(rows):
        if i not in later and row[0] not in seen and tokens(row[0]):
            seen.add(row[0])
            found.append(row)
    return found


def read(files, *, labelled):
    folder = Path(os.environ["SYNTHGEN_DATA"])
    return [
        (" ".join(r["text"].split()[:MAX_WORDS]), str(r["label"]) if labelled else None, str(r["group"]))
        for name in files
        for r in pq.read_table(folder / name, columns=["text", "label", "group"]).to_pylist()
    ]


def reference_of(corpus):
    """Return public text of the same kind; if None, the audits use the text of a fifth of the control persons."""
    files = SOURCES[corpus].reference if corpus in SOURCES else ()
    return table_of(read(files, labelled=False)) if files else None


def split(rows, persons, name):
    """Draw `persons` persons with the random stream `name`; return the tables train (a third of them) and control."""
    everybody = sorted({person for _, _, person in rows})
    order = stream(0, f"bench/{name}").permutation(len(everybody))[:persons]
    n_train = round(TRAIN_SHARE * len(order))
    parts = [{everybody[i] for i in part} for part in (order[:n_train], order[n_train:])]
    return [table_of([row for row in rows if row[2] in part]) for part in parts]


def table_of(rows):
    texts, labels, groups = zip(*rows, strict=True)
    return Table(texts=texts, labels=None if labels[0] is None else labels, groups=groups, has_groups=True)


def code_digest():
    """Return a digest of the source code of the audits, so that results of other code are not used."""
    digest = hashlib.sha256()
    for path in sorted(Path(audits.__file__).parent.rglob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def kept(path, setting, make):
    """Return the result stored in a file, or compute and store it; exit if the file has another `setting`."""
    if path.is_file():
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["setting"] != setting:
            raise SystemExit(f"{path} was made with {found['setting']}, not {setting}: choose another --checkpoints")
        return found["found"]
    made = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".part-", delete=False, encoding="utf-8") as file:
        json.dump({"setting": setting, "found": made}, file)
    Path(file.name).replace(path)
    return made


class People:
    """The populations (train, control and fresh people) that cases are built from, for one split of the persons.

    They are drawn on the first call, and never if all results are stored. If `splits` is larger than 1, further
    populations reassign the drawn persons to train and control.
    """

    def __init__(self, corpus, rows, args, name, splits):
        self.corpus, self.rows, self.args, self.name, self.splits = corpus, rows, args, name, splits
        self.found = None

    def __call__(self):
        """Return the populations, and the problems that the input checks find in the split."""
        if self.found is None:
            train, control = split(self.rows(), self.args.persons, f"{self.corpus}/{self.name}")
            reference = reference_of(self.corpus)
            inputs = AuditInputs(synthetic=control, train=train, control=control, reference=reference)
            self.found = make_populations(inputs, 0, splits=self.splits)
        return self.found


def suite(args, corpus, rows):
    """Run all cases for each seed; return their results, and the sizes and problems of the split of each seed."""
    seeds = []
    for seed in range(args.seeds):
        people = People(corpus, rows, args, f"seed/{seed}", 1 if args.quick else 3)
        folder = args.checkpoints / corpus / f"seed-{seed}"
        steps = []
        for case in args.cases:
            started = time.monotonic()

            def made(case=case, people=people, seed=seed):
                return case_json(run_case(case, people()[0], args.audits, seed=seed, confidence=CONFIDENCE))

            steps.append(kept(folder / f"{case.name}.json", args.setting, made))
            outcomes = ", ".join(f"{a} {c['outcome']}" for a, c in steps[-1]["audits"].items())
            seconds = time.monotonic() - started
            print(f"{corpus} seed {seed} {case.name}: {outcomes}; {seconds:.0f} s", file=sys.stderr)
        about = kept(folder / "people.json", args.setting, lambda people=people: sizes(*people()))
        seeds.append({"steps": steps, **about})
    return seeds


def sizes(casts, problems):
    one = casts[0]
    return {
        "problems": list(problems),
        "persons": [len(set(one.train.groups)), len(set(one.control.groups)), one.n_unseen],
        "rows": [len(one.train), len(one.control), len(one.unseen)],
        "repeating": one.n_repeating,
    }


def blocked(args, corpus, rows):
    """Return the verdict of every audit on a release of fresh people, for each of the --resplits splits."""
    once, found = replace(FRESH, repeats=1), []
    for number in range(args.resplits):
        people = People(corpus, rows, args, f"resplit/{number}", 1)

        def made(people=people, number=number):
            casts, problems = people()
            step = case_json(run_case(once, casts, args.audits, seed=number, confidence=CONFIDENCE))
            verdicts = {audit: next(iter(cell["verdicts"])) for audit, cell in step["audits"].items()}
            reasons = {a: cell["reason"] for a, cell in step["audits"].items() if verdicts[a] != "pass"}
            return {"verdicts": verdicts, "reasons": reasons, "split": list(problems)}

        found.append(kept(args.checkpoints / corpus / f"resplit-{number:03d}.json", args.setting, made))
        print(f"{corpus} resplit {number}: stopped by {found[-1]['reasons'] or 'none'}", file=sys.stderr)
    return found


def tally(seeds, case, audit):
    """Count the verdicts and the outcomes of an audit on a case over all seeds; empty if the audit did not run."""
    steps = [s["audits"] for seed in seeds for s in seed["steps"] if s["case"] == case]
    cells = [found[audit] for found in steps if audit in found]
    verdicts = sum((Counter(c["verdicts"]) for c in cells), Counter())
    return verdicts, Counter(c["outcome"] for c in cells)


def said(verdicts, outcomes):
    if not verdicts:
        return "not run"
    words = {"fail": "caught", "pass": "passed", "insufficient": "unsure"}
    text = ", ".join(f"{words[v]} {verdicts[v]}" for v in words if verdicts[v] > 0)
    wrong = "".join(f" **{outcomes[o]} {o}**" for o in ("wrong", "uncalibrated") if outcomes[o] > 0)
    return (f"({text})" if outcomes["open"] > 0 else text) + wrong


def right(seeds):
    """Count the cases of all seeds that are right, uncalibrated or wrong, by the worst outcome of their audits."""
    worst = Counter()
    for seed in seeds:
        for step in seed["steps"]:
            outcomes = {c["outcome"] for c in step["audits"].values()}
            worst[next((o for o in ("wrong", "uncalibrated") if o in outcomes), "right")] += 1
    return worst


def stopped(splits, audits):
    """Return the shares of splits with a verdict other than pass, and with a fail, by audit and for all together."""
    n = len(splits)
    shares = {}
    for name in (*audits, "all"):
        verdicts = [[v for a, v in s["verdicts"].items() if name in {a, "all"}] for s in splits]
        shares[name] = {
            "stopped": sum(any(v != "pass" for v in vs) for vs in verdicts) / n,
            "called a leak": sum("fail" in vs for vs in verdicts) / n,
        }
    return shares


def cases_written(args, seeds):
    first, counts = seeds[0], right(seeds)
    lines = [
        "Persons in train, control, fresh: {}, {}, {} (rows: {}, {}, {}); rows of fresh people removed because "
        "they repeat another person: {}.".format(*first["persons"], *first["rows"], first["repeating"]),
        "",
        "| case | " + " | ".join(args.audits) + " |",
        "|" + "---|" * (1 + len(args.audits)),
    ]
    for case in args.cases:
        cells = [said(*tally(seeds, case.name, audit)) for audit in args.audits]
        lines.append(f"| {case.name} | " + " | ".join(cells) + " |")
    lines.append("")
    lines.append(
        f"Cases right: {counts['right']} of {sum(counts.values())}; too few people to be calibrated: "
        f"{counts['uncalibrated']}; wrong: {counts['wrong']}."
    )
    against = sum(bool(seed["problems"]) for seed in seeds)
    if against:
        lines.append(f"In {against} of {len(seeds)} seeds, no audit can pass: the input checks rejected the split.")
    return lines


def written(args, found):
    lines = [
        "# The calibration suite",
        "",
        (
            f"{args.seeds} seeds, {args.resplits} splits of fresh people, at most {args.persons} persons per corpus, "
            "a third of them in train. caught: the audit failed the release; passed: the audit passed it; unsure: "
            "the verdict was insufficient. In brackets: no result is required. Each seed has 3 releases of fresh "
            "people and 20 with permuted roles."
        ),
    ]
    for corpus, (seeds, splits) in found.items():
        lines += ["", f"## {corpus}", "", *(cases_written(args, seeds) if seeds else ["No case was run."])]
        if splits:
            shares = stopped(splits, args.audits)
            lines += ["", "| fresh people, splits | " + " | ".join(shares) + " |", "|" + "---|" * (1 + len(shares))]
            for what in ("stopped", "called a leak"):
                lines.append(f"| {what} | " + " | ".join(f"{s[what]:.0%}" for s in shares.values()) + " |")
            enough = "at most" if shares["all"]["stopped"] <= MOST_BLOCKED else "more than"
            lines.append("")
            lines.append(f"All audits together stop fresh people in {enough} {MOST_BLOCKED:.0%} of the splits.")
    return "\n".join(lines) + "\n"


def arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpora", default=",".join(CORPORA))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--resplits", type=int, default=50)
    parser.add_argument("--persons", type=int, default=3000)
    parser.add_argument("--only", help="audits, separated by commas")
    parser.add_argument("--cases", help="cases, separated by commas; all by default")
    parser.add_argument("--checkpoints", type=Path, default=Path("build/calibration"))
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true", help="130 persons of the clinic, 1 seed, 2 splits, 4 cases")
    args = parser.parse_args(argv)
    args.corpora = args.corpora.split(",")
    args.audits = select_audits(None if args.only is None else args.only.split(","))
    chosen = None if args.cases is None else args.cases.split(",")
    if unknown := sorted(set(chosen or ()) - {case.name for case in CASES}):
        parser.error(f"unknown cases: {', '.join(unknown)}; there are {', '.join(case.name for case in CASES)}")
    args.cases = tuple(case for case in CASES if chosen is None or case.name in chosen)
    if args.quick:
        args.corpora, args.persons, args.seeds, args.resplits = ["clinic"], 130, 1, 2
        few = {"verbatim", "one_identifier", "fresh_people", "permuted_roles"}
        args.cases = tuple(replace(r, repeats=min(r.repeats, 2)) for r in args.cases if r.name in few)
    unknown = sorted(set(args.corpora) - set(CORPORA))
    if unknown:
        parser.error(f"unknown corpora: {', '.join(unknown)}; there are {', '.join(CORPORA)}")
    if "SYNTHGEN_DATA" not in os.environ and set(args.corpora) - {"clinic"}:
        parser.error("set SYNTHGEN_DATA to the folder of the corpora; only the clinic needs no data")
    args.setting = {"audits": list(args.audits), "persons": args.persons, "quick": args.quick, "code": code_digest()}
    return args


def main(argv=None):
    args = arguments(argv)
    started = time.monotonic()
    found = {}
    for corpus in args.corpora:
        loaded = []

        def rows(corpus=corpus, loaded=loaded):
            if not loaded:
                loaded.extend(rows_of(corpus, args.persons))
            return loaded

        found[corpus] = (suite(args, corpus, rows), blocked(args, corpus, rows))
    text = written(args, found)
    print(text)
    print(f"{time.monotonic() - started:.0f} s", file=sys.stderr)
    if args.markdown:
        args.markdown.write_text(text, encoding="utf-8")
    if args.json:
        args.json.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()

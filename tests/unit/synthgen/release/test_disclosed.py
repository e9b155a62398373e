"""No public file reveals the number of private records; in the tested run every private count is a unique prime."""

import json
import re
from itertools import count

import pytest

from audits.core.strictjson import canonical
from audits.core.types import Estimate
from audits.gate.evidence import evidence_from
from synthgen.release.run import load_run

PRIVATE_STAGES = ("load", "split", "deidentify", "embed", "embed-control", "evaluate")
PRIVATE_STAGES += ("decode-reconstruction", "re-embed-reconstruction")


def primes():
    return (n for n in count(10007, 2) if all(n % d for d in range(3, 120, 2)))


@pytest.fixture
def run_with_primes(finished, monkeypatch):
    """A finished run in which every private count was replaced by a prime of its own, and the primes."""
    # these checks are off, because the primes contradict one another and the number of records
    monkeypatch.setattr("audits.verify.consistency.count_problems", lambda _parts: ())
    monkeypatch.setattr("audits.verify.consistency.score_problems", lambda _parts: ())
    fresh, used = primes(), []

    def prime():
        used.append(next(fresh))
        return used[-1]

    root = finished.folder / "ws"
    record = json.loads((root / "run.json").read_text())
    for stage in record["stages"]:
        if stage["name"] in PRIVATE_STAGES:
            stage["in"], stage["out"] = prime(), prime()
        if stage["name"] == "split":
            stage["classes"]["train"] = {label: prime() for label in stage["classes"]["train"]}
    (root / "run.json").write_text(json.dumps(record))
    folders = {stage["name"]: root / "stages" / stage["folder"] for stage in record["stages"]}
    audit = json.loads((folders["audit"] / "audit.json").read_text())
    audit["seed"], problems = str(prime()), [f"{prime()} rows repeat"]
    audit["input_checks"] = {"control_rows_left_out": prime(), "rate": 1 / prime(), "problems": problems}
    for result in audit["results"]:
        one, two = prime(), prime()
        number = {"value": 1 / one, "low": min(1 / two, 1 / one), "high": 10 / one, "confidence": 0.95, "n": one}
        result["estimate"] = result["control"] = number
        counts = {"hard_hits": 0, "persons": two}
        exact = {k: {"value": n, "low": n, "high": n, "confidence": 0.95, "n": prime()} for k, n in counts.items()}
        result["metrics"] = {f"{result['name']}.{k}": metric for k, metric in exact.items()}
        details = {
            "n_train_persons": prime(),
            "pairs": [prime(), [prime()]],
            "power": {"n": prime()},
            "again": number,
        }
        details["text"] = f"of {prime():,d} and {prime()}-{prime()}"
        if result["name"] == "neighbours":
            details["histogram"] = {"edges": [0, 1, 2], "train": [prime(), prime()], "control": [prime(), 11]}
        if result["name"] == "membership":
            details["roc"] = {"fpr": [0, 1 / one, 1], "tpr": [0, 3 / two, 1]}
        result["details"] = details
        result["reason"] = f"{prime()} persons; {prime():,d} of control, n={prime()}, {prime()}-person arms."
    (folders["audit"] / "audit.json").write_text(json.dumps(audit))
    exact, once = (Estimate(value=n, low=n, high=n, confidence=1.0, n=n) for n in (12, 1))
    utility = Estimate(value=0.876543, low=0.812345, high=0.923456, confidence=0.975, n=prime())
    numbers = {"records.synthetic": exact, "utility.tstr_over_trtr": utility, "attempts.number": once}
    numbers["balance.tv_distance"] = Estimate(value=0, low=0, high=0, confidence=0.975, n=12)
    digests = json.loads((folders["audit"] / "evidence.json").read_text())["digests"]
    evidence = evidence_from(audit, numbers, digests)
    (folders["audit"] / "evidence.json").write_bytes(evidence.to_bytes())
    file = folders["evaluate"] / "evaluation.json"
    evaluation = json.loads(file.read_text())
    for arms in evaluation["classifiers"].values():
        for arm, value in (("real", 0.5), ("synthetic", 0.4382715)):
            arms[arm]["macro_f1"] |= {"value": value, "low": 0.4, "high": 0.6}
    file.write_text(re.sub(r'"n": \d+', lambda _: f'"n": {prime()}', json.dumps(evaluation)))
    return finished, used


def released(run_with_primes):
    project, _ = run_with_primes
    run = load_run(project.config())
    return run.release(run.decide(), key=project.folder / "keys" / "releaser.pem", out=project.folder / "out").path


def public_files(bundle):
    return sorted(p for p in bundle.rglob("*") if p.is_file() and p.suffix != ".parquet")


def test_no_public_file_contains_a_private_count(run_with_primes):
    used = run_with_primes[1]
    assert len(used) > 40
    bundle, forms = released(run_with_primes), [form for n in used for form in (str(n), f"{n:,d}")]
    pattern = re.compile(r"(?<![0-9a-zA-Z])(" + "|".join(forms) + r")(?![0-9a-zA-Z])")
    found = {path.name: pattern.findall(path.read_text()) for path in public_files(bundle)}
    assert {name: numbers for name, numbers in found.items() if numbers} == {}


def test_no_public_number_is_finer_than_the_rule(run_with_primes):
    def numbers(value):
        if isinstance(value, dict | list):
            return [n for item in (value.values() if isinstance(value, dict) else value) for n in numbers(item)]
        return [value] if isinstance(value, float) else []

    bundle = released(run_with_primes)
    files = [*bundle.glob("evidence/*.json"), bundle / "report" / "report.json"]
    assert len(files) > 3
    fine = {path.name: [n for n in numbers(json.loads(path.read_text())) if n != round(n, 3)] for path in files}
    assert {name: found for name, found in fine.items() if found} == {}


def test_one_person_fewer_changes_no_public_count(run_with_primes):
    project, _ = run_with_primes
    before = {p.relative_to(project.folder): p.read_text() for p in public_files(released(run_with_primes))}
    root = project.folder / "ws"
    record = json.loads((root / "run.json").read_text())
    audits = root / "stages" / next(s["folder"] for s in record["stages"] if s["name"] == "audit")
    for stage in record["stages"]:
        if stage["name"] in PRIVATE_STAGES:
            stage["in"], stage["out"] = stage["in"] - 1, stage["out"] - 1
        if stage["name"] == "split":
            stage["classes"]["train"] = {label: n - 1 for label, n in stage["classes"]["train"].items()}
    (root / "run.json").write_text(json.dumps(record))
    for name in ("audit.json", "evidence.json"):
        value = json.loads((audits / name).read_text(), parse_int=lambda n: int(n) - (int(n) > 10000))
        (audits / name).write_bytes(canonical(value))
    again = {p.relative_to(project.folder): p.read_text() for p in public_files(released(run_with_primes))}
    steady = [p for p in before if p.parts[2] in {"evidence", "report", "provenance"} or p.name == "README.md"]
    assert len(steady) > 6
    assert [str(p) for p in steady if before[p] != again.get(p)] == []

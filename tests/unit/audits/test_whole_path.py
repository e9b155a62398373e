"""`audits run` from the command line to the exit code: disguised columns, names, plates, forms, other scripts."""

import base64
import codecs
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from audits.core.inputs import load_table
from audits.gate.evidence import records_digest
from audits.gate.utility import SCHEMA

NOTE = "zebra quartz canary of one real patient who came in on foot "
DISGUISES = {
    "plain": str,
    "reversed": lambda piece: piece[::-1],
    "rot13": lambda piece: codecs.encode(piece, "rot13"),
    "base64": lambda piece: base64.b64encode(piece.encode()).decode(),
    "hexadecimal": lambda piece: piece.encode().hex(),
}
SYLLABLES = [c + v for c in "bdfgklmnprst" for v in "aeiou"]
NAMES = ("Rajesh Andre Turner", "Ingrid Solveig Halvorsen", "Chidi Emeka Okonkwo")
IN_OTHER_ORDERS = ("Turner, Rajesh Andre", "Solveig Halvorsen Ingrid", "OKONKWO Chidi")


def tables_of(people, rows_of, n):
    """Return tables of n train, control and fresh people without identifiers."""
    seeds = {"train": 41, "control": 42, "synthetic": 43}
    return {name: rows_of(people(n, seed=seed, prefix=name, rows=(1, 1))) for name, seed in seeds.items()}


def appended(rows, row, words):
    """Return the rows with words inserted into one of them."""
    text, person = rows[row]
    return [*rows[:row], (f"{text} {words} {text[:60]}", person), *rows[row + 1 :]]


@pytest.mark.parametrize("disguise", DISGUISES)
def test_pieces_of_a_record_in_the_column_of_persons_are_refused(disguise, people, rows_of, audited):
    tables = tables_of(people, rows_of, 30)
    pieces = [DISGUISES[disguise]((NOTE * 2)[2 * i : 2 * i + 8]) for i in range(30)]
    synthetic = {"text": [text for text, _ in tables["synthetic"]], "group": pieces}
    code, report, _, error = audited("--only", "memorization", **tables | {"synthetic": synthetic})
    printed = json.dumps(report) + error
    assert code == 3
    assert "columns that no audit reads" in printed
    assert pieces[0] not in printed


IDS = {
    "ids of patients": lambda i: f"control{i}",
    "64 digits of notes": lambda i: ((NOTE * 2)[i : i + 32]).encode().hex(),
    "16 digits of notes": lambda i: ((NOTE * 2)[i : i + 8]).encode().hex(),
    "digests of patients": lambda i: hashlib.sha256(f"control{i}".encode()).hexdigest()[:16],
    "free text": lambda i: f"{NOTE}{i}",
    "numbers that are not in the order of the rows": lambda i: str(48_300 + (7 * i) % 30),
}


@pytest.mark.parametrize("case", IDS)
def test_ids_that_do_not_follow_from_the_rows_are_refused(case, people, rows_of, audited):
    tables = tables_of(people, rows_of, 30)
    synthetic = {"id": list(map(IDS[case], range(30))), "text": [text for text, _ in tables["synthetic"]]}
    code, report, _, error = audited("--only", "memorization", **tables | {"synthetic": synthetic})
    assert (code, "columns that no audit reads: id" in json.dumps(report) + error) == (3, True), error
    assert synthetic["id"][3] not in json.dumps(report) + error


def test_ids_that_number_the_rows_are_read(people, rows_of, audited):
    tables = tables_of(people, rows_of, 30)
    for ids in (range(30), range(1, 31)):
        numbered = {"id": list(map(str, ids)), "text": [text for text, _ in tables["synthetic"]]}
        assert audited("--only", "memorization", **tables | {"synthetic": numbered})[0] == 4  # too few persons


BLIND = {
    "memorization.hard_hits": ("value", 0),
    "identifiers.hard_hits": ("value", 0),
    "memorization.copied_persons": ("high", 0.05),
    "membership.auc": ("high", 0.75),
    "linkage.estimate": ("high", 0.1),
}


def test_rules_on_audits_that_reach_no_verdict_are_unmet(people, rows_of, audited, tmp_path):
    """With thirty persons, an audit that finds no hit is no evidence of a clean release."""
    rules = [
        {"id": f"rule-{i}", "metric": metric, "bound": bound, "op": "<=", "limit": limit, "min_n": 100, "why": "w"}
        for i, (metric, (bound, limit)) in enumerate(BLIND.items())
    ]
    counts = [{k: v for k, v in rule.items() if k != "min_n"} for rule in rules if rule["bound"] == "value"]
    policy = {"name": "blind", "version": "1", "intended_use": "inside", "statement": "For tests alone."}
    audits = sorted({metric.partition(".")[0] for metric in BLIND})
    for number, chosen in enumerate((rules, counts)):
        path = tmp_path / f"{number}.yaml"
        path.write_text(json.dumps(policy | {"measured": audits, "rules": chosen}))
        code, report, _, error = audited("--policy", path, **tables_of(people, rows_of, 30))
        assert code == 4
        assert [rule["id"] for rule in chosen if f"{rule['id']}: INSUFFICIENT" not in error] == [], error
        assert {result["verdict"] for result in report["results"]} <= {"insufficient"}
        for result in report["results"]:
            assert result["metrics"].get(f"{result['name']}.hard_hits", {"value": 0})["value"] == 0


def test_recorded_names_in_other_orders_are_leaks(people, rows_of, audited, tmp_path):
    tables = tables_of(people, rows_of, 320)
    recorded = [[NAMES[i]] if i < len(NAMES) else [] for i in range(320)]
    (tmp_path / "names.jsonl").write_text("".join(json.dumps(row) + "\n" for row in recorded))
    for i, name in enumerate(IN_OTHER_ORDERS):
        tables["synthetic"] = appended(tables["synthetic"], 5 * i, name)
    code, report, found, _ = audited("--only", "identifiers", "--identifiers", tmp_path / "names.jsonl", **tables)
    assert found == {0, 5, 10}
    assert (code, report["results"][0]["verdict"]) == (4, "fail")


@pytest.mark.parametrize("words", ["plate AB12 CDE", "plate KLM-4827", "rego 7KLM482"])
def test_a_number_plate_of_one_person_is_a_leak(words, people, rows_of, audited):
    tables = tables_of(people, rows_of, 100)
    tables["train"] = appended(tables["train"], 3, words)
    tables["synthetic"] = appended(tables["synthetic"], 8, words.lower())
    code, _, found, _ = audited("--only", "identifiers", **tables)
    assert (code, found) == (4, {8})


@pytest.mark.slow
def test_copies_among_many_filled_forms_are_leaks(forms, rows_of, audited):
    seeds = {"train": 51, "control": 52, "synthetic": 53}
    tables = {name: rows_of(forms(1200, seed=seed, prefix=name)) for name, seed in seeds.items()}
    tables["synthetic"][:60] = tables["train"][100:160]
    code, report, found, _ = audited("--only", "memorization", **tables)
    assert (code, report["results"][0]["verdict"]) == (4, "fail")
    assert found == set(range(60))


@pytest.mark.slow
def test_copied_short_records_break_the_rules_of_research(fresh_inputs, rows_of, audited, tmp_path):
    """Only memorization is run, so the policy has only the rules of `research` that need no other audit."""
    policy = yaml.safe_load((Path(__file__).parents[3] / "policies" / "research.yaml").read_text())
    ids = {"input-checks", "memorization", "copied-persons", "readable", "records"}
    policy |= {"name": "copies", "measured": ["memorization"]}
    policy["rules"] = [rule for rule in policy["rules"] if rule["id"] in ids]
    (tmp_path / "copies.yaml").write_text(json.dumps(policy))
    options = ("--policy", tmp_path / "copies.yaml", "--only", "memorization")
    tables = {name: rows_of(getattr(fresh_inputs, name)) for name in ("train", "control", "synthetic")}
    first, rng = len(tables["synthetic"]), np.random.default_rng(13)
    for name in ("train", "control"):
        words = ["".join(rng.choice(SYLLABLES, 4)) for _ in range(3 * 30)]
        tables[name] += [(" ".join(words[3 * i : 3 * i + 3]), f"{name} short {i}") for i in range(30)]
    code, report, _, error = audited(*options, **tables)
    assert code == 0, error
    tables["synthetic"] += tables["train"][-30:]
    code, report, found, error = audited(*options, **tables)
    assert (code, found) == (4, set(range(first, first + 30)))
    assert report["results"][0]["metrics"]["memorization.copied_persons"]["high"] > 0.05
    assert "copied-persons" in error


@pytest.mark.slow
def test_chinese_tables_pass_through_all_audits(audited):
    rng, letters = np.random.default_rng(15), list(map(chr, range(0x4E00, 0x5000)))
    tables = {
        name: [("，".join("".join(rng.choice(letters, 9)) for _ in range(6)), f"{name}{i}") for i in range(n)]
        for name, n in (("train", 120), ("control", 115), ("synthetic", 110))
    }
    code, report, _, error = audited(**tables)
    assert code in {0, 4}, error
    assert len(report["results"]) == 6
    assert all(result["status"] != "crashed" for result in report["results"])


@pytest.mark.slow
def test_clean_tables_meet_the_policy_research(people, rows_of, audited, tmp_path):
    tables = {
        name: {"text": [text for text, _ in rows], "label": ["ab"[i % 2] for i in range(len(rows))]}
        | ({} if name == "synthetic" else {"group": [person for _, person in rows]})
        for name, rows in tables_of(people, rows_of, 320).items()
    }
    audited("--only", "memorization", **tables)  # writes the tables, whose digests are in the evaluation
    number = {"value": 0.95, "low": 0.9, "high": 0.97, "confidence": 0.975, "n": 300}
    names = ("tstr_over_trtr", "worst_class_ratio")
    metrics = {f"utility.encoder_logistic.{name}": number for name in names}
    metrics["balance.tv_distance"] = {"value": 0, "low": 0, "high": 0, "confidence": 1, "n": 320}
    made = {"schema_name": SCHEMA, "confidence": 0.95, "metrics": metrics}
    made |= dict.fromkeys(("records", "test_persons", "classifiers", "ratios", "style", "not_measured"))
    for role, name in (("synthetic", "synthetic"), ("train", "train"), ("test", "control")):
        loaded = load_table(tmp_path / f"{name}.parquet", role=name)
        made[role] = records_digest(loaded.texts, loaded.labels)
    (tmp_path / "evaluation.json").write_text(json.dumps(made))
    rows = [{"parents": [i, (i + 7) % 320], "weights": [0.5, 0.5]} for i in range(320)]
    (tmp_path / "lineage.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = ("--lineage", tmp_path / "lineage.jsonl", "--utility", tmp_path / "evaluation.json")
    code, report, _, error = audited("--policy", "research", *options, **tables)
    assert code == 0, error
    assert len(report["results"]) == 6

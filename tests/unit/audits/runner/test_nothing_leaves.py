"""No report or message contains strings planted in texts, labels, persons and identifiers, even if audits fail."""

from dataclasses import replace

import numpy as np
import pytest

from audits.attacks.canaries.kinds import make_canaries
from audits.core.inputs import load_inputs
from audits.core.types import Canaries, Lineage, Previous
from audits.runner.registry import AUDITS
from audits.runner.run import run

PLANTED = [f"qzx{i:02d}vkw{i * 7919 % 1000:03d}" for i in range(50)]
TEXTS, LABELS, PERSONS, KNOWN = PLANTED[:20], PLANTED[20:22], PLANTED[22:40], PLANTED[40:]
# an inner function of each audit that gets texts or results computed from them
DEEP = {name: f"{module}._judge" for name, (module, _) in AUDITS.items()}
DEEP |= {"membership": "audits.attacks.membership.membership_audit._details"}


def marked(table, who):
    """Return a table with planted strings in some of its texts, as its labels, and as some of its persons."""
    texts, groups = list(table.texts), list(table.groups)
    for i, mark in enumerate(TEXTS):
        texts[3 * i] = f"{texts[3 * i]} The {mark} was seen. {texts[3 * i]}"
    for i, person in enumerate(PERSONS):
        groups = [f"{person}{who}" if g == table.groups[5 * i] else g for g in groups]
    labels = tuple(LABELS[i % 2] for i in range(len(texts)))
    return replace(table, texts=tuple(texts), groups=tuple(groups), labels=labels)


@pytest.fixture(scope="module")
def inputs(people, module_at):
    train, control = (marked(people(n, seed=s, prefix=w), w) for n, s, w in ((150, 1, "t"), (140, 2, "h")))
    unmarked = people(145, seed=3, prefix="s")
    fresh = marked(unmarked, "s")
    # copies of marked rows among fresh ones, so that the hard rules report hits
    synthetic = replace(fresh, texts=(*train.texts[:60], *fresh.texts[60:]), groups=unmarked.groups)
    given = load_inputs(synthetic, train, control, identifiers=[(KNOWN[i % 10],) for i in range(len(train))])
    planted = make_canaries(train, None, 120, np.random.default_rng(3))
    logs = module_at("tests/unit/audits/attacks/accounting/mechanism_logs.py")
    fields = {name: getattr(planted, name) for name in ("table", "family", "inserted", "suffixes")}
    canaries = Canaries(**fields, canary_build=synthetic)
    n = len(synthetic)
    lineage = Lineage(parents=tuple((i % 150, (i + 1) % 150) for i in range(n)), weights=((0.5, 0.5),) * n)
    mechanism = logs.log(logs.sgd(np.random.default_rng(1)), persons=train.groups)
    previous = Previous(synthetic=synthetic, train=control)
    return replace(given, lineage=lineage, canaries=canaries, mechanism=mechanism, previous=previous)


def check_free(text):
    assert [mark for mark in PLANTED if mark in text.lower()] == []


def test_reports_contain_no_planted_string(inputs):
    lines = []
    report = run(inputs, seed=1, progress=lines.append)
    assert [r.name for r in report.results] == list(AUDITS)
    assert {r.name for r in report.results if r.status == "measured"} >= set(AUDITS) - {"differencing"}
    assert report.result("memorization").verdict == "fail"
    check_free(report.to_json().decode())
    check_free("\n".join(lines))
    check_free(repr(inputs) + "".join(map(repr, report.results)))


@pytest.mark.parametrize("name", AUDITS)
def test_failed_audit_contains_no_planted_string(inputs, name, monkeypatch, capsys):
    def breaks(*_given, **_named):
        raise ValueError(f"cannot read {inputs.train.texts[0]} of {PERSONS[0]}, {LABELS[0]} {KNOWN[0]}")

    monkeypatch.setattr(DEEP[name], breaks)
    report = run(inputs, names=[name], seed=1)
    (result,) = report.results
    assert (result.verdict, result.status) == ("insufficient", "failed")
    assert "ValueError" in result.reason
    check_free(report.to_json().decode())
    captured = capsys.readouterr()
    check_free(captured.out + captured.err)

"""Fifty strings planted in texts, labels, persons and identifiers come out nowhere, also where every audit breaks."""

from dataclasses import replace

import numpy as np
import pytest

from audits.attacks.canaries.kinds import make_canaries
from audits.core.inputs import load_inputs
from audits.core.types import Canaries, Lineage, Previous
from audits.runner.registry import AUDITS, names
from audits.runner.run import run

PLANTED = [f"qzx{i:02d}vkw{i * 7919 % 1000:03d}" for i in range(50)]
TEXTS, LABELS, PERSONS, KNOWN = PLANTED[:20], PLANTED[20:22], PLANTED[22:40], PLANTED[40:]
# a function deep in each audit that is handed texts or what was made of them
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
    fresh = marked(people(145, seed=3, prefix="s"), "s")
    # copies of marked rows among fresh ones, so that hard rules are hit and must say so without the words
    synthetic = replace(fresh, texts=(*train.texts[:60], *fresh.texts[60:]))
    given = load_inputs(synthetic, train, control, identifiers=[(KNOWN[i % 10],) for i in range(len(train))])
    planted = make_canaries(train, None, 120, np.random.default_rng(3))
    logs = module_at("tests/unit/audits/attacks/accounting/mechanism_logs.py")
    canaries = Canaries(
        table=planted.table,
        family=planted.family,
        inserted=planted.inserted,
        canary_build=synthetic,
        suffixes=planted.suffixes,
    )
    n = len(synthetic)
    return replace(
        given,
        lineage=Lineage(parents=tuple((i % 150, (i + 1) % 150) for i in range(n)), weights=((0.5, 0.5),) * n),
        canaries=canaries,
        mechanism=logs.log(logs.sgd(np.random.default_rng(1)), persons=train.groups),
        previous=Previous(synthetic=synthetic, train=control),
    )


def hold(said):
    assert [mark for mark in PLANTED if mark in said.lower()] == []


def test_reports_hold_none_of_it(inputs):
    lines = []
    report = run(inputs, seed=1, progress=lines.append)
    assert [r.name for r in report.results] == list(names())
    assert {r.name for r in report.results if r.status == "measured"} >= set(names()) - {"differencing"}
    assert report.result("memorization").verdict == "fail"
    hold(report.to_json().decode())
    hold("\n".join(lines))
    hold(repr(inputs) + "".join(map(repr, report.results)))


@pytest.mark.parametrize("name", names())
def test_an_audit_that_breaks_says_none_of_it(inputs, name, monkeypatch, capsys):
    def breaks(*_given, **_named):
        raise ValueError(f"cannot read {inputs.train.texts[0]} of {PERSONS[0]}, {LABELS[0]} {KNOWN[0]}")

    monkeypatch.setattr(DEEP[name], breaks)
    report = run(inputs, names=[name], seed=1)
    (result,) = report.results
    assert (result.verdict, result.status) == ("insufficient", "failed")
    assert "ValueError" in result.reason
    hold(report.to_json().decode())
    captured = capsys.readouterr()
    hold(captured.out + captured.err)

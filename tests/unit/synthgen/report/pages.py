"""Contents for the report's tests, and a reader of the page made of the standard library alone."""

from html.parser import HTMLParser

import numpy as np

from audits.gate.coarse import public_curve, public_histogram
from synthgen.report import GateRow, ReportContent

VOID = {"meta", "br", "img", "link", "input", "hr", "base", "source", "wbr"}
GATES = (
    GateRow(
        id="audit-memorization",
        metric="memorization.passed",
        op=">=",
        limit=1,
        value=1,
        low=1,
        high=1,
        n=None,
        verdict="PASS",
        reason="the audit passed",
        why="Required by the policy.",
    ),
    GateRow(
        id="copies",
        metric="memorization.person_unique_runs",
        op="<=",
        limit=0,
        value=0,
        low=0,
        high=0,
        n=412,
        verdict="PASS",
        reason="no passage of one person came back",
        why="A copied passage is a disclosure.",
    ),
    GateRow(
        id="auc",
        metric="membership.auc",
        op="<=",
        limit=0.75,
        value=0.61,
        low=0.578,
        high=0.645,
        n=412,
        verdict="PASS",
        reason="upper end within the limit",
        why="An attacker may do little better than guessing.",
    ),
)
FAILED = GateRow(
    id="useful",
    metric="utility.macro_f1_ratio",
    op=">=",
    limit=0.9,
    value=0.93,
    low=0.88,
    high=0.98,
    n=731,
    verdict="FAIL",
    reason="lower end below the limit",
    why="Useless data need not be released.",
)
UNKNOWN = GateRow(
    id="balance",
    metric="balance.distance",
    op="<=",
    limit=0.05,
    value=None,
    low=None,
    high=None,
    n=None,
    verdict="INSUFFICIENT",
    reason="not measured",
    why="Classes were asked for in equal numbers.",
)


MEASURED = GateRow(
    id="audit-membership",
    metric="membership.passed",
    op=">=",
    limit=1,
    value=0,
    low=0,
    high=0,
    n=None,
    verdict="FAIL",
    reason="the audit's verdict is fail, and gates nothing here",
    why="Shown.",
    gating=False,
)


def estimate(value, half):
    return {"value": value, "low": value - half, "high": value + half, "confidence": 0.95, "n": 412}


def histogram(edges, train, control):
    return public_histogram({"edges": edges, "train": train, "control": control}, 10, 0.01)


def audits():
    edges = np.linspace(0, 1, 26)
    fpr = np.linspace(0, 1, 413)
    return (
        {
            "name": "memorization",
            "verdict": "pass",
            "status": "measured",
            "estimate": estimate(0.002, 0.001),
            "control": estimate(0.001, 0.001),
            "threshold": 0.01,
            "direction": "lower_is_safer",
            "details": {},
            "reason": "No passage came back.",
        },
        {
            "name": "neighbours",
            "verdict": "insufficient",
            "status": "measured",
            "estimate": estimate(0.52, 0.04),
            "control": None,
            "threshold": [0.47, 0.53],
            "direction": "two_sided",
            "details": {
                "histogram": histogram(edges, (100 * np.hanning(25)).astype(int), (90 * np.hamming(25)).astype(int))
            },
            "reason": "1,717 independent records would decide it.",
        },
        {
            "name": "membership",
            "verdict": "fail",
            "status": "measured",
            "estimate": estimate(0.61, 0.03),
            "control": None,
            "threshold": 0.55,
            "direction": "two_sided",
            "details": {"roc": public_curve({"fpr": fpr, "tpr": fpr**0.75}, 0.01)},
            "reason": "Area 0.61.",
        },
        {
            "name": "identifiers",
            "verdict": "insufficient",
            "status": "not_measurable",
            "estimate": None,
            "control": None,
            "threshold": None,
            "direction": "lower_is_safer",
            "details": {},
            "reason": "No identifiers were recorded.",
        },
    )


def utility(labels):
    def scores(value):
        cell = {"value": value, "low": value - 0.02, "high": value + 0.02}
        return {
            "accuracy": cell,
            "macro_f1": cell,
            "weighted_f1": cell,
            "per_class": {name: {"f1": cell, "recall": cell} for name in labels},
        }

    sources = {"real": scores(0.88), "synthetic": scores(0.85), "real+synthetic": scores(0.89)}
    return {"classifiers": {"tf-idf and linear": sources, "encoder and linear": sources}}


def content(verdict="released", label="cardiology", title="clinic-synthetic"):
    labels = (label, "dermatology", "neurology")
    released = verdict == "released"
    return ReportContent(
        title=title,
        release_id="clinic-synthetic-2026-11-20-a1b2c3" if released else None,
        policy_name="research",
        policy_statement="For use inside the institution. Not shown to be safe outside.",
        verdict=verdict,
        gates=GATES if released else (*GATES, FAILED, UNKNOWN),
        measured=(MEASURED,),
        balance=tuple(zip(labels, (310, 190, 60), (200, 200, 200), (200, 199, 188), strict=True)),
        audits=audits(),
        utility=utility(labels),
        filters={"candidates": 2400, "kept": 587, "class_agreement": 900, "length": 77},
        stages=(("load", 1620, 1612, 0.42), ("decode", 600, 2400, 201.25)),
        provenance={"configuration": "ab12" * 16, "decoder": "smollm2"},
        limitations=("No differential privacy was used, so no epsilon is claimed.",),
    )


class Page(HTMLParser):
    """The elements of a page, with their attributes and ancestors; raises where tags do not nest."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.elements = []  # (tag, attributes, ancestors)
        self.texts = []
        self._open = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), tuple(self._open)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), tuple(self._open)))

    def handle_endtag(self, tag):
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.texts.append((data, tuple(self._open)))

    def text(self):
        return " ".join(" ".join(d for d, where in self.texts if "style" not in where).split())

    def all(self, tag):
        return [attrs for t, attrs, _ in self.elements if t == tag]

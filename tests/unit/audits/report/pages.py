"""Report contents for the report tests, and a parser of the report page."""

from dataclasses import replace
from html.parser import HTMLParser

import numpy as np

from audits.gate.coarse import public_curve, public_histogram
from audits.report import GateRow, Guarantee, ReportContent, SourceSize
from audits.verify.vocabulary import CONTRADICTIONS

VOID = {"meta", "br", "img", "link", "input", "hr", "base", "source", "wbr"}


def row(id_, metric, op, limit, interval, n, verdict, reason="decided", why="Required.", **more):  # noqa: PLR0917
    """Return a row of the gate table; `interval` is (low, value, high)."""
    low, value, high = interval
    given = {"id": id_, "metric": metric, "op": op, "limit": limit, "low": low, "value": value, "high": high, "n": n}
    return GateRow(**given, verdict=verdict, reason=reason, why=why, **more)


GATES = (
    row("audit-memorization", "memorization.passed", ">=", 1, (1, 1, 1), None, "PASS"),
    row("copies", "memorization.person_unique_runs", "<=", 0, (0, 0, 0), 412, "PASS"),
    row("auc", "membership.auc", "<=", 0.75, (0.578, 0.61, 0.645), 412, "PASS"),
)
FAILED = row("useful", "utility.macro_f1_ratio", ">=", 0.9, (0.88, 0.93, 0.98), 731, "FAIL")
UNKNOWN = row("balance", "balance.distance", "<=", 0.05, (None, None, None), None, "INSUFFICIENT", "not measured")
MEASURED = row("audit-membership", "membership.passed", ">=", 1, (0, 0, 0), None, "FAIL", gating=False)


REFUSED = {"verdict": "refused", "release_id": None, "samples": ()}


def estimate(value, half):
    return {"value": value, "low": value - half, "high": value + half, "confidence": 0.95, "n": 412}


def histogram(edges, train, control):
    return public_histogram({"edges": edges, "train": train, "control": control}, 10, 0.01)


def audit(name, verdict, number, threshold, reason, **more):
    given = {"name": name, "verdict": verdict, "status": "measured", "estimate": number, "control": None}
    return {**given, "threshold": threshold, "details": {}, "reason": reason, **more}


def audits():
    edges, fpr = np.linspace(0, 1, 26), np.linspace(0, 1, 413)
    counts = ((size * window(25)).astype(int) for size, window in ((100, np.hanning), (90, np.hamming)))
    bins = {"histogram": histogram(edges, *counts)}
    curve = {"roc": public_curve({"fpr": fpr, "tpr": fpr**0.75}, 0.01)}
    reason = "1,717 independent records would decide it."
    return (
        audit("memorization", "pass", estimate(0.002, 0.001), 0.01, "No copy.", control=estimate(0.001, 0.001)),
        audit("neighbours", "insufficient", estimate(0.52, 0.04), [0.47, 0.53], reason, details=bins),
        audit("membership", "fail", estimate(0.61, 0.03), 0.55, "Area 0.61.", details=curve),
        audit("identifiers", "insufficient", None, None, "No identifiers recorded.", status="not_measurable"),
    )


def utility(labels):
    def scores(value):
        cell = {"value": value, "low": value - 0.02, "high": value + 0.02}
        per_class = {name: {"f1": cell, "recall": cell} for name in labels}
        return {**dict.fromkeys(("accuracy", "macro_f1", "weighted_f1"), cell), "per_class": per_class}

    sources = {"real": scores(0.88), "synthetic": scores(0.85), "real+synthetic": scores(0.89)}
    shares = {"synthetic": dict.fromkeys(CONTRADICTIONS, 0.12), "real": dict.fromkeys(CONTRADICTIONS, 0.05)}
    of = {"encoder-logistic": {source: {"value": 0.8, "low": 0.7, "high": 0.9, "n": 50} for source in sources}}
    subgroups = {"sex": {"male": of, "female": of}, "age_band": {"older adult": of}}
    return {
        "subgroups": subgroups,
        "classifiers": {"tfidf-linear": sources, "encoder-logistic": sources},
        "coherence": shares,
    }


def content(verdict="released", label="cardiology", title="clinic-synthetic"):
    labels = (label, "dermatology", "neurology")
    statement = "For use inside the institution. Not shown to be safe outside."
    given = {"title": title, "verdict": verdict, "policy_name": "research", "policy_statement": statement}
    given |= {"intended_use": "inside", "source": SourceSize(records="500-1k", persons=200, is_least=True)}
    given |= {"release_id": None, "gates": (*GATES, FAILED, UNKNOWN)}
    if verdict == "released":
        given |= {"release_id": "clinic-synthetic-2026-11-20-a1b2c3", "gates": GATES}
        given |= {"samples": ((label, "Dear colleague,\nthe heart is well."), ("neurology", "No headache."))}
    given |= {"without_gate": (MEASURED,), "audits": audits(), "utility": utility(labels)}
    return ReportContent(
        **given,
        balance=tuple(zip(labels, (310, 190, 60), (200, 200, 200), (200, 199, 188), strict=True)),
        filters={"candidates": 2400, "kept": 587, "class_agreement": 900, "length": 77},
        stages=(("load", 1620, 1612, 0.42), ("decode", 600, 2400, 201.25)),
        provenance={"configuration": "ab12" * 16, "decoder": "smollm2"},
        limitations=("No differential privacy was used, so no epsilon is claimed.",),
    )


def private_content(*, independent=True, **changes):
    """Return the content of a DP release; if not `independent`, with audit gates whose numbers are withheld."""
    outside = ("A person who is mentioned only in the records of others is not covered.",)
    guarantee = Guarantee(
        epsilon=2.0, delta=1e-5, outside=outside, policy="strict-dp", is_independent=independent, withholds=True,
        spent=(2.0, 1e-5), limit=3.0, further=2.1,
    )  # fmt: skip
    hidden = {"is_withheld": True, "reason": "the number is withheld"}
    gates = (
        row("audit-accounting", "accounting.passed", ">=", 1, (1, 1, 1), None, "PASS"),
        row("dp-delta", "accounting.delta.high", "<=", 1e-5, (1e-5, 1e-5, 1e-5), 1, "PASS"),
        row("dp-epsilon", "accounting.epsilon.high", "<=", 3, (2, 2, 2), 1, "PASS"),
    )
    audited = (
        row("audit-memorization", "memorization.passed", ">=", 1, (None,) * 3, None, "PASS", **hidden),
        row("useful", "utility.tstr_over_trtr.low", ">=", 0.9, (None,) * 3, None, "PASS", **hidden),
    )
    beside = row(
        "audit-membership", "membership.passed", ">=", 1, (None,) * 3, None, "WITHHELD", gating=False, **hidden
    )
    shown = (audit("accounting", "pass", estimate(2.0, 0.0), 2.0, "The claim follows."),)
    verdicts = (audit("memorization", "pass", None, None, ""), audit("membership", "withheld", None, None, ""))
    given = {"policy_name": "strict-dp", "guarantee": guarantee, "gates": gates, "without_gate": (), "utility": {}}
    given |= {"audits": shown, "stages": (("interpolate", "–", "500-1k", 0.1), ("decode", "500-1k", "1k-2k", 9.5))}
    given |= {"balance": (("cardiology", "–", 200, 200), ("neurology", "–", 200, 199))}
    given |= {"source": SourceSize(persons=500, is_least=True, is_declared=True), "intended_use": "outside"}
    given |= {"approvals": (("privacy_officer", 1), ("data_owner", 2))}
    if not independent:
        given |= {"gates": gates + audited, "without_gate": (beside,), "audits": shown + verdicts}
    return replace(content(), **given, **changes)


class Page(HTMLParser):
    """A parser that collects the elements of a page with attributes and ancestors; it fails if tags do not nest."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.elements, self.texts, self._open = [], [], []  # elements: (tag, attributes, ancestors)
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

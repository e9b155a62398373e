import re

import numpy as np
import pytest

from studies.dp import vectors
from studies.dp.sets import KINDS
from studies.dp.vectors import REMOVED, SEPARATE, SHIPPED, SMOTE, VARIANTS, VectorsRequest, dp_vectors
from studies.writers import QUICK_PERSONS
from synthgen.core.progress import silent
from synthgen.dp.basis import load_basis


@pytest.fixture
def page(tmp_path, monkeypatch):
    """Return the page of the quick form, with vectors that lie around the centre of their class."""
    rng, basis = np.random.default_rng(3), load_basis("minilm")
    centres = {label: rng.normal(size=384) * np.sqrt(basis.variances) for label in KINDS["clinic"].labels}
    read = vectors.read_private_sets

    def near_centres(_name, texts, _encoder, _folder, _progress):
        (clinic,) = read(["clinic"], None, 2 * vectors.QUICK_PERSONS)
        label = {record.text: record.label for record in clinic.corpus.records}
        spread = 0.5 * rng.normal(size=(len(texts), 384)) * np.sqrt(basis.variances)
        return basis.vectors_at(np.stack([centres[label[text]] for text in texts]) + spread)

    monkeypatch.setattr(vectors, "kept_vectors", near_centres)
    monkeypatch.setattr(vectors, "build_encoder", lambda *_: None)
    request = VectorsRequest(
        datasets=(), data=None, out=tmp_path, persons=2000, epsilons=(0.5, 8.0), seeds=2, quick=True
    )
    return dp_vectors(request, silent).read_text()


@pytest.mark.slow
def test_the_page_has_a_row_for_each_method_and_budget_and_more_budget_helps(page):
    found = {
        (name, epsilon): float(head)
        for name, epsilon, head in re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([\d.]+) ± ", page, re.MULTILINE)
    }
    methods = (*VARIANTS, SEPARATE, REMOVED)
    assert set(found) == {(name, epsilon) for name in methods for epsilon in ("0.5", "8")} | {(SMOTE, "none")}
    assert found[SMOTE, "none"] > 90
    assert found[SHIPPED, "8"] > found[SHIPPED, "0.5"]
    assert found[SHIPPED, "8"] > 60
    assert "250 persons, 2 draws" in page


@pytest.mark.slow
@pytest.mark.models
def test_the_quick_form_ends(study, quick_out, monkeypatch):
    monkeypatch.setattr(vectors, "QUICK_PERSONS", QUICK_PERSONS)
    monkeypatch.setattr(vectors, "PER_CLASS", 40)
    code, output = study("dp-vectors", "--quick", "--seeds", "1", "--epsilon", "3", "--out", quick_out)
    assert code == 0, output
    assert f"| {SHIPPED} | 3 |" in (quick_out / "vectors.md").read_text()

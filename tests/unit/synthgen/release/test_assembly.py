import json
import re
from dataclasses import replace

import pytest

from synthgen.release.assembly import bundle_content, page_numbers_of, report_content, stated_models
from synthgen.release.run import load_run


@pytest.fixture(scope="module")
def run(run_project):
    return load_run(run_project.config())


def test_page_reveals_nothing_of_the_source(run):
    public = page_numbers_of(run, run.policy)
    text = json.dumps({name: public[name] for name in ("stages", "filters")})
    private = ["31337", *(name for s in run.record.stages for name in (s.digest, s.folder))]
    assert [value for value in private if value in text] == []
    assert not re.search("seconds|classes|groups|bad_rows|cardiology|replaced", text)


def test_bundle_content_matches_the_run_and_has_the_declared_language(run):
    content = bundle_content(run, run.decide())
    assert len(content.records) == run.record.stage("audit").n_out == 12
    assert [m["role"] for m in content.models] == ["embedder", "decoder", "projector"]
    assert (content.models, content.page) == (stated_models(run), page_numbers_of(run, run.policy))
    assert {side["role"] for side in content.inputs} == {"train", "control"}
    assert tuple(content.languages) == ("und",)
    release = run.config.release.model_copy(update={"languages": ("de", "en-GB")})
    declared = replace(run, config=run.config.model_copy(update={"release": release}))
    assert tuple(bundle_content(declared, declared.decide()).languages) == ("de", "en-GB")


def test_report_shows_requested_and_generated_records(run):
    shown = report_content(run, run.decide(), "0" * 8)
    labels = ("cardiology", "gastroenterology", "pulmonology")
    assert [(label, wanted, made) for label, _, wanted, made in shown.balance] == [(x, 4, 4) for x in labels]
    exact = report_content(run, run.decide(), "0" * 8, private=True)
    assert shown.filters["candidates"] == "20-50"
    assert exact.filters["candidates"] == run.record.stage("filter").n_in
    assert all(isinstance(real, str) for _, real, _, _ in shown.balance)
    assert [row[0] for row in shown.stages] == [stage.name for stage in run.record.stages]

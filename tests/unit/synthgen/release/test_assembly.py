import json
import re
from dataclasses import replace

from synthgen.release.assembly import bundle_content, public_record, report_content, stated_models
from synthgen.release.run import load_run


def test_what_leaves_of_the_record_tells_nothing_of_the_source(run_project):
    run = load_run(run_project.config())
    public = public_record(run.record, run.policy)
    said = json.dumps(public)
    assert "31337" not in said
    private = [s.digest for s in run.record.stages] + [s.folder for s in run.record.stages]
    assert [digest for digest in private if digest in said] == []
    assert not re.search("classes|groups|bad_rows|cardiology|replaced", said)
    assert set(public["rejected"]) == {"filter"}
    assert "decode-reconstruction" not in public["written"]
    assert isinstance(public["seconds"], str)


def test_the_bundle_says_what_the_audits_read(run_project):
    run = load_run(run_project.config())
    content = bundle_content(run, run.decide())
    assert len(content.records) == run.record.stage("audit").n_out == 12
    assert [m["role"] for m in content.models] == ["embedder", "decoder", "projector"]
    assert content.models == stated_models(run)
    assert content.run_json == public_record(run.record, run.policy)
    assert {side["role"] for side in content.inputs} == {"train", "control"}


def test_the_language_is_the_declared_one_and_never_invented(run_project):
    run = load_run(run_project.config())
    assert tuple(bundle_content(run, run.decide()).languages) == ("und",)
    release = run.config.release.model_copy(update={"languages": ("de", "en-GB")})
    told = replace(run, config=run.config.model_copy(update={"release": release}))
    assert tuple(bundle_content(told, told.decide()).languages) == ("de", "en-GB")


def test_the_report_shows_what_was_wanted_and_what_was_made(run_project):
    run = load_run(run_project.config())
    shown = report_content(run, run.decide(), "0" * 8)
    assert [(label, wanted, made) for label, _, wanted, made in shown.balance] == [
        ("cardiology", 4, 4),
        ("gastroenterology", 4, 4),
        ("pulmonology", 4, 4),
    ]
    exact = report_content(run, run.decide(), "0" * 8, private=True)
    assert shown.filters["candidates"] == "20-50"
    assert exact.filters["candidates"] == run.record.stage("filter").n_in
    assert all(isinstance(real, str) for _, real, _, _ in shown.balance)
    assert [row[0] for row in shown.stages] == [stage.name for stage in run.record.stages]

import json
import re
import stat
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from audits.core.report import read_report
from audits.gate.shipped import load_policy
from audits.verify.bundle import verify_bundle
from synthgen.config import Config
from synthgen.core.errors import DataError, ReleaseRefused, UsageError
from synthgen.core.made_by import AUDITS, LIBRARIES
from synthgen.core.stage import StageContext
from synthgen.load.notes import EXTRACT
from synthgen.pipeline import job, pipeline
from synthgen.release.remedies import ANOTHER_ATTEMPT
from synthgen.release.run import STAGES, changed_stages, load_run
from synthgen.release.trust import new_trust


def last(project, **changes):
    return load_run(project.config(**changes))


def key(project):
    return project.folder / "keys" / "releaser.pem"


@pytest.fixture
def out(finished):
    return finished.folder / "out"


def test_finished_run_is_loaded_and_a_missing_run_or_stage_is_an_error(new_project, run_project):
    run = last(run_project)
    assert run.record.to_json() == json.loads((run_project.folder / "ws" / "run.json").read_text())
    assert (run.folder("audit") / "audit.json").is_file()
    assert run.evidence.metrics["records.synthetic"].value == 12
    with pytest.raises(DataError, match="contains no finished run"):
        last(new_project)
    with pytest.raises(DataError, match="changed since its last run"):
        last(run_project, seed=4)
    with pytest.raises(DataError, match="has not reached the stage 'paint'"):
        last(run_project).folder("paint")


def test_run_of_another_stage_or_audit_version_is_refused(run_project, monkeypatch):
    monkeypatch.setitem(STAGES, "decode", replace(STAGES["decode"], version=99))
    with pytest.raises(DataError, match="program changed") as refused:
        last(run_project)
    assert refused.value.problems == tuple(
        f"stage {name}: its code or a library changed" for name in ("decode-reconstruction", "decode")
    )
    monkeypatch.delitem(STAGES, "decode")  # a stage that this program does not have
    with pytest.raises(DataError, match="program changed"):
        last(run_project)
    monkeypatch.undo()
    monkeypatch.setattr("synthgen.core.made_by.sources", lambda *_: "0" * 64)
    with pytest.raises(DataError, match="program changed") as refused:
        last(run_project)
    assert "stage audit: its code or a library changed" in refused.value.problems
    assert "stage load: its code or a library changed" not in refused.value.problems


def test_decision_depends_only_on_evidence_and_policy(run_project):
    run = last(run_project)
    assert run.decide().allowed
    assert run.decide() == run.decide(run.policy)
    strict = run.decide(load_policy("hospital-external"))
    assert not strict.allowed
    assert any("parent-recovery" in failure for failure in strict.failures)


def test_decision_of_another_policy_is_refused(finished, out):
    run, other = last(finished), finished.folder / "softer.yaml"
    other.write_text((finished.folder / "lenient.yaml").read_text().replace("limit: 7", "limit: 1"))
    softer, strict = run.decide(load_policy(other)), run.decide(load_policy("hospital-external"))
    assert softer.allowed
    assert (softer.policy_name, strict.policy_name) == ("lenient", "hospital-external")
    decisions = {"the decision uses policy 'lenient'": softer, "'hospital-external'": strict}
    decisions["not made on this run"] = replace(run.decide(), outcomes=())
    for words, decision in decisions.items():
        for use in (run.report, run.write_report, lambda d: run.release(d, key=key(finished), out=out)):
            with pytest.raises(UsageError, match=words):
                use(decision)
    assert not out.exists()
    assert not (finished.folder / "ws" / "refusals").exists()


def test_decision_is_refused_after_the_policy_file_changed(finished, out):
    run = last(finished)
    before, file = run.decide(), finished.folder / "lenient.yaml"
    file.write_text(file.read_text().replace("limit: 7", "limit: 700"))
    with pytest.raises(ReleaseRefused, match="policy file changed during the release"):
        run.release(before, key=key(finished), out=out)
    assert not out.exists()
    again = last(finished)
    with pytest.raises(UsageError, match="the decision uses policy"):
        again.report(before)
    assert not again.decide().allowed


def test_allowed_release_verifies(finished, out):
    run = last(finished)
    bundle = run.release(run.decide(), key=key(finished), out=out)
    trust = finished.folder / "own.json"
    roles = {"releaser": [finished.folder / "keys" / "releaser.pub.json"]}
    policies = {run.policy.name: [run.policy.digest()]}
    new_trust(trust, roles=roles, policies=policies, expires=datetime(2999, 1, 1, tzinfo=UTC))
    assert verify_bundle(bundle.path, trust, None).verdict == "VERIFIED"
    rows = [json.loads(line) for line in next((bundle.path / "data").glob("*.jsonl")).read_text().splitlines()]
    assert len(rows) == 12
    assert run.release(run.decide(), key=key(finished), out=out) == bundle


def test_refused_release_writes_only_a_signed_refusal(finished, out):
    run = load_run(Config.load(finished.write_config()))
    strict = replace(run, policy=load_policy("hospital-external"))
    with pytest.raises(ReleaseRefused, match="not released under policy 'hospital-external'") as caught:
        strict.release(strict.decide(), key=key(finished), out=out)
    assert any("membership-high" in problem for problem in caught.value.problems)
    assert not out.exists()
    (folder,) = (finished.folder / "ws" / "refusals").iterdir()
    assert (folder / "refusal.dsse.json").is_file()
    assert str(folder) in caught.value.hint
    problems = read_report((run.folder("audit") / "audit.json").read_bytes()).input_checks["problems"]
    named = f"exactly {len(problems)}): {'; '.join(problems)}"
    assert problems
    assert any(problem.startswith("input-checks: FAIL") and named in problem for problem in caught.value.problems)
    assert named in (folder / "README.md").read_text()
    assert named.encode() not in (folder / "refusal.dsse.json").read_bytes()
    command = f"`synthgen review {finished.folder / 'ws'}`"
    assert command in caught.value.hint
    readme = (folder / "README.md").read_text()
    assert command in readme
    assert ANOTHER_ATTEMPT in readme
    assert ANOTHER_ATTEMPT in caught.value.hint
    assert [f"- {problem}" for problem in caught.value.problems] == [x for x in readme.splitlines() if x[:2] == "- "]
    assert "to meet this condition, " in readme


def test_decision_is_explained_with_reasons_remedies_and_the_private_page(finished):
    run = load_run(Config.load(finished.write_config()))
    assert run.explain().startswith("policy lenient allows the release\ngates: 1 of 1 passed\n")
    text = replace(run, policy=load_policy("research")).explain()
    assert text.startswith("policy research refuses the release\n")
    assert "to meet this condition, " in text
    assert "\naudit memorization: insufficient: " in text
    assert re.search(
        r"input-checks: FAIL: input_checks.problems.value .*: \d <= 0 does not hold .*exactly \d\): [^;]", text
    )
    assert f"\nprivate report: {finished.folder / 'ws' / 'report.private.html'}\n" in text
    assert f"run `synthgen review {finished.folder / 'ws'}`, which writes review.private.html.\n" in text
    assert text.endswith(ANOTHER_ATTEMPT)
    assert ANOTHER_ATTEMPT not in run.explain()
    assert "synthgen review" not in run.explain()


def test_without_a_configuration_file_the_call_that_writes_the_review_page_is_named(finished):
    text = replace(last(finished), policy=load_policy("research")).explain()
    assert "write_review(run)" in text
    assert "`synthgen review" not in text


def test_written_report_is_private(finished):
    run = last(finished)
    path = run.write_report(run.decide())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    page = path.read_text()
    for words in ("For tests alone.", "F1 of each class", "<b>Private.</b>"):
        assert words in page
    assert path.name == "report.private.html"
    assert "<b>Private.</b>" not in run.report(run.decide(), release_id="0" * 8)


def test_every_stage_reads_all_declared_inputs(project, monkeypatch):
    """`StageContext` enforces in every run that a stage reads nothing else."""
    contexts = []
    monkeypatch.setattr(job, "StageContext", lambda *given: contexts.append(StageContext(*given)) or contexts[-1])
    pipeline.Pipeline(project.config()).run()
    unused = {}
    for context in contexts:
        unused.setdefault(context.stage.name, []).append(context.unused())
    assert set(pipeline.STAGES) <= set(unused)
    assert EXTRACT.name in STAGES
    assert {name: found for name, found in unused.items() if set.intersection(*map(set, found))} == {}


def test_stages_declare_known_libraries():
    for stage in STAGES.values():
        assert set(stage.libraries) <= {"python", AUDITS, *LIBRARIES}, stage.name
        assert (AUDITS in stage.libraries) == (stage.name in {"evaluate", "audit", "selftest"})
        assert ("python" in stage.libraries) == (not stage.is_paid)


def test_an_unknown_stage_counts_as_changed():
    there = SimpleNamespace(name="load", base_name="load", code=STAGES["load"].code_digest)
    other = SimpleNamespace(name="filter-2", base_name="filter", code="0" * 64)
    unknown = SimpleNamespace(name="paint", base_name="paint", code="0" * 64)
    assert changed_stages(SimpleNamespace(stages=(there, other, unknown))) == ["filter-2", "paint"]

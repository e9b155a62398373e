"""Every deliberate error of the DP code is refused before the draw, or detected by the accounting audit.

docs/explanation/differential-privacy.md lists the errors and what catches each; the tests read that table.
"""

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from audits.attacks.accounting.accounting_audit import Accounting
from audits.attacks.accounting.mechanism_log import MAX_LEADING, DryRunLog
from audits.core.strictjson import canonical, parse
from audits.core.types import AuditInputs
from audits.gate.shipped import load_policy
from audits.ledger.budgets import Overspent, all_reservations
from synthgen.core.errors import ConfigError, InternalError
from synthgen.core.seeds import SeedTree
from synthgen.decode.style_adapter import built_in_styles
from synthgen.dp import basis as bases
from synthgen.dp import measure as measuring
from synthgen.dp.measure import measure
from synthgen.dp.noised_sums import UNIT, Query, StreamNoise, exact_sum
from synthgen.dp.replay import MAX_LOGGED, REPLAYED, STRETCH, DryRun, FixedAnswers, replay_sample
from synthgen.dp.reserve import reserve_budget
from synthgen.dp.style_vote import VoterNats, voting_rows
from synthgen.pipeline.institution import ledger_of
from synthgen.pipeline.judge import as_table

PAGE = Path(__file__).parents[4] / "docs/explanation/differential-privacy.md"
DECODE = {"style": "auto", "words": 2}
WORDS = ("and", "complains", "daily", "history", "mg", "of", "pain", "patient", "the", "with", "year", "zebra")
ROWS = [np.random.default_rng(0).normal(size=(30, 12))]
QUERY = Query(name="query", noise_multiplier=2.0, clip=0.5)
REPLAY = "accounting: replay"


def invented_nats(_job, _bridge, train, _embedded, persons):
    """Return nats that depend on the text alone, without a language model."""
    rows = voting_rows(train, persons, _job.seeds.child("vote")).values()
    records = [train.records[row] for row in rows]
    styles = len(built_in_styles())
    drawn = {r.id: 3 + np.random.default_rng(len(r.text)).random(styles) for r in records}
    return VoterNats(nats=drawn, is_separate=True)


@pytest.fixture
def whole(ready, monkeypatch):
    """A bench whose runs make all queries."""
    basis = bases.load_basis("counting")
    arrays = {"frequency": np.linspace(0.5, 0.1, len(WORDS)), "table": basis.axes[: len(WORDS)], "centre": basis.mean}
    arrays = {name: array.astype(np.float32) for name, array in arrays.items()}
    monkeypatch.setattr(measuring, "public_words", lambda _: SimpleNamespace(words=WORDS, **arrays))
    monkeypatch.setattr(measuring, "read_nats", invented_nats)
    monkeypatch.setattr(measuring, "open_bridge", lambda _: None)
    monkeypatch.setattr(measuring, "SUBSTITUTES", 30)
    return ready


def prepared_run(bench, **changes):
    """Return the job and the arguments of `measure`."""
    job = bench.job(**{**bench.changes, "decode": DECODE, **changes})
    prepared, _, embedded = bench.prepare(job)
    reservation, _ = reserve_budget(job, load_policy("strict-dp"))
    return job, (job, prepared.train, embedded, reservation, embedded.encoder)


def found_by(bench, **changes):
    """Return which checks of the accounting audit do not hold after a run; for `replay`, its parts."""
    _, given = prepared_run(bench, **changes)
    log = measure(*given)[0].log
    table = as_table(given[1], {})
    inputs = AuditInputs(synthetic=table, train=table, control=table, mechanism=log)
    checks = Accounting().run(inputs, np.random.default_rng(0), 0.95).details["checks"]
    parts = {f"replay: {part}" for part, outcome in log["replay"].items() if outcome != "holds"}
    assert bool(parts) == (checks["replay"] != "holds")
    return parts | {f"accounting: {name}" for name, outcome in checks.items() if outcome != "holds"} - {REPLAY}


def states(bench, **changes):
    return [one["state"] for one in all_reservations(*ledger_of(bench.job(**{**bench.changes, **changes}).config))]


def test_the_replay_holds_for_every_person_and_all_queries_and_the_audit_passes(whole, monkeypatch):
    monkeypatch.setattr(measuring, "replay_sample", lambda persons, _: persons.persons)
    assert found_by(whole) == set()
    assert states(whole) == ["made"]


CAUGHT = re.findall(
    r"^\| ([^|]+?) \| ((?:accounting|replay|refused): [^|]+?) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE
)
REFUSED = {  # what the message of a refused run contains
    "refused: noise": "is reproducible",
    "refused: queries": "the query is not declared",
    "refused: steps": "declared",
    "refused: rows": "the number of rows is not the number of persons",
}
CHANGED_CLIP = "Clip norm chosen from data in a query"
SECRET, BATCHES = "Seeded noise under a secret", "Texts scored in padded batches"


@pytest.fixture(scope="session")
def errors(module_at):
    """The functions that make the errors, by name."""
    return module_at("tests/unit/synthgen/dp/wrong_mechanisms.py").ERRORS


def test_the_page_lists_each_error(errors):
    assert [name for name, _ in CAUGHT] == [*errors]
    assert len(errors) > 20


@pytest.mark.parametrize(("error", "caught"), [case for case in CAUGHT if case[0] != BATCHES])
def test_each_error_is_caught_as_the_page_says(whole, monkeypatch, errors, error, caught):
    changes = {"secret": "workspace"} if error == SECRET else {}
    with monkeypatch.context() as patch:
        errors[error](patch)
        if caught not in REFUSED:
            assert found_by(whole) == {*caught.split(", ")}
            return
        _, given = prepared_run(whole, **changes)
        with pytest.raises(InternalError) as refused:
            measure(*given)
    differs = "the noise, the steps or the clip norm differ from the declared query"
    assert (differs if error == CHANGED_CLIP else REFUSED[caught]) in str(refused.value)
    assert states(whole, **changes) == ["reserve"]  # nothing was drawn


def test_texts_that_are_scored_in_batches_are_caught(village_bench, monkeypatch, errors):
    monkeypatch.setattr(measuring, "SUBSTITUTES", 30)
    errors[BATCHES](monkeypatch)
    assert found_by(village_bench, decode={"style": "auto"}) == {dict(CAUGHT)[BATCHES]}


def test_a_private_run_with_an_error_ends_before_the_draw_and_continues_without_it(whole, monkeypatch, errors):
    private = {"secret": "workspace"}
    _, given = prepared_run(whole, **private)
    with monkeypatch.context() as patch:
        errors["Exact class means released"](patch)
        with pytest.raises(ConfigError, match="no noise was drawn") as refused:
            measure(*given)
    assert "a result changed although the answers to all queries were the same" in refused.value.problems[0]
    assert states(whole, **private) == ["reserve"]
    assert measure(*given)[0].log["replay"] == {"sums": "holds", "results": "holds", "scores": "holds"}
    assert states(whole, **private) == ["made"]


@pytest.mark.parametrize("error", ["One step more than declared", "A declared query that is not made"])
def test_an_error_during_the_draw_books_no_result_and_the_budget_counts_as_spent(whole, monkeypatch, errors, error):
    note_draw = measuring.note_draw
    with monkeypatch.context() as patch:

        def drawn(*given):
            errors[error](patch)
            return note_draw(*given)

        patch.setattr(measuring, "note_draw", drawn)
        _, given = prepared_run(whole)
        with pytest.raises(InternalError, match="nothing is released") as refused:
            measure(*given)
    assert "the budget counts as spent" in refused.value.hint
    assert states(whole) == ["draw"]
    with pytest.raises(Overspent, match="has already drawn its noise"):
        measure(*given)


def test_dry_run_answers_like_the_run_and_logs_noise_and_norms():
    dry_run = DryRun(noise=StreamNoise(SeedTree(3)))
    answers = [dry_run(ROWS, QUERY) for _ in range(2)]
    clean = exact_sum([STRETCH * ROWS[0]], 0.5) * 0.5 / UNIT
    log = DryRunLog.model_validate(parse(canonical({"n_persons": 30, **dry_run.logs["query"]})))
    assert log.dimension == 12
    assert len(log.noise) == len(log.leading) == 2 * 167  # 2,000 coordinates for each call
    assert (log.max_norm, log.largest_row) == (
        pytest.approx(0.5, abs=1e-6),
        pytest.approx(STRETCH * np.linalg.norm(ROWS[0], axis=1).max()),
    )
    z = (answers[1] - clean) / (0.5 * 2.0)  # the last draw of a call is its answer
    assert log.noise[-1] == pytest.approx(float((z**2).sum()), rel=1e-6)
    assert log.leading[-1] == pytest.approx(tuple(z))
    assert [len(found) for found in dry_run.answers.values()] == [2]


def test_as_many_coordinates_are_logged_as_the_audit_accepts():
    assert MAX_LOGGED == MAX_LEADING


def test_fixed_answers_keep_the_sums_and_refuse_another_number_of_entries():
    fixed = FixedAnswers(answers={"query": [np.ones(12), np.zeros(12)]})
    assert [fixed(ROWS, QUERY)[0] for _ in range(2)] == [1, 0]
    assert np.array_equal(fixed.sums["query", 1], exact_sum(ROWS, 0.5))
    with pytest.raises(InternalError, match="length of the query's sum depends on the persons"):
        FixedAnswers(answers={"query": [np.ones(11)]})(ROWS, QUERY)


def test_the_sample_has_the_person_with_most_records_and_other_persons():
    groups = ("p", "q", "r", "q", "s", "t", "u", "u", "q")
    persons = SimpleNamespace(embedded=SimpleNamespace(groups=groups))
    samples = [replay_sample(persons, np.random.default_rng(seed)) for seed in range(20)]
    assert {sample[0] for sample in samples} == {"q"}
    assert {len(set(sample)) for sample in samples} == {REPLAYED}
    assert len({tuple(sample[1:]) for sample in samples}) > 10
    few = SimpleNamespace(embedded=SimpleNamespace(groups=("p", "q")))
    assert sorted(replay_sample(few, np.random.default_rng(0))) == ["p", "q"]

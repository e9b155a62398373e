import numpy as np
import pytest

from audits.gate.policy import parse_policy
from audits.gate.rule import ATTEMPTS
from audits.gate.shipped import load_policy
from audits.ledger.attempts import attempts_before, record_attempt
from audits.ledger.budgets import note_draw
from synthgen.core.errors import BudgetError
from synthgen.core.progress import silent
from synthgen.core.types import Corpus, Record
from synthgen.dp.certain_refusals import refuse_unreleasable_run
from synthgen.pipeline.institution import ledger_of
from synthgen.pipeline.job import Job
from synthgen.pipeline.judge import as_table
from synthgen.pipeline.prepare import Prepared
from synthgen.pipeline.secret import FILE as SECRET
from synthgen.pipeline.workspace import Workspace
from synthgen.release.keys import write_new


@pytest.fixture(scope="module")
def budgets(module_at):
    """Return the test module that has configurations with a budget, and functions to reserve the budget."""
    return module_at("tests/unit/synthgen/dp/test_reserve.py")


VOCABULARY = [
    f"{stem}{end}" for stem in ("ab", "ne", "kor", "ti", "ul", "va") for end in ("ria", "sen", "mo", "ta", "lu")
]


def corpus(role, texts):
    records = (Record(id=f"{role}{i}", text=t, label="ab"[i % 2], group=f"{role}{i}") for i, t in enumerate(texts))
    return Corpus(role=role, records=tuple(records), has_groups=True)


def texts(n, seed, extra=""):
    rng = np.random.default_rng(seed)
    return [" ".join([*rng.choice(VOCABULARY, 30), extra]) for _ in range(n)]


def prepared(train=None, control=None, **changes):
    """Return prepared records; without arguments, the input checks find no problem in them."""
    given = {"train": train or texts(70, 1), "control": control or texts(60, 2)}
    corpora = {role: corpus(role, of_role) for role, of_role in given.items()}
    return Prepared(
        **{"near_duplicate_rate": 0.0, "identifiers": None, "control_identifiers": None, **corpora, **changes}
    )


def refused_before(config, found, *, policy="strict-dp", control=None, spend_again=False):
    """Return the problems for which a run is refused before its reservation; empty if it is not refused."""
    chosen = load_policy(policy) if isinstance(policy, str) else policy
    control = found.control if control is None else control
    refused = None
    try:
        job = Job(config, Workspace(config.resolve(config.workspace)), silent)
        refuse_unreleasable_run(job, chosen, found, control, spend_again=spend_again)
    except BudgetError as error:
        refused = error
    if refused is None:
        return []
    assert refused.exit_code == 5
    assert "nothing was reserved" in refused.message
    return list(refused.problems)


REPEATED, SHARED = texts(70, 1), "MRN 00417331"
CERTAIN = {
    "near-duplicates": (prepared(REPEATED, [*texts(57, 2), *REPEATED[:3]]), "nearly duplicate a train row"),
    "near-duplicates of split": (prepared(near_duplicate_rate=0.03), "3.0% of the control rows nearly duplicate"),
    "both sides": (
        prepared([*texts(67, 1), *texts(3, 3, SHARED)], [*texts(58, 2), *texts(2, 4, SHARED)]),
        "have a direct identifier of a train person",
    ),
    "recorded identifiers": (
        prepared(
            identifiers=(("MRN 00417331",),) * 2 + ((),) * 68, control_identifiers=(("00417331",),) * 2 + ((),) * 58
        ),
        "have a direct identifier of a train person",
    ),
    "shift": (
        prepared(control=texts(60, 2, "discharged to ward nine")),
        "train and control differ more than chance explains",
    ),
    "every row": (prepared(REPEATED, REPEATED[:60]), "every control row nearly duplicates a train row"),
}


@pytest.fixture
def project(project):
    """A project with a fixed secret: with a random one, train and control differ by chance in 1 of 200 runs."""
    workspace = project.config().resolve(project.config().workspace)
    workspace.mkdir(mode=0o700, exist_ok=True)
    write_new(workspace / SECRET, bytes(32), 0o600)
    return project


@pytest.mark.parametrize("case", sorted(CERTAIN))
def test_certain_refusal_by_an_input_check_comes_before_the_reservation(project, budgets, case):
    found, message = CERTAIN[case]
    config = project.config(**budgets.DP)
    (problem,) = refused_before(config, found)
    assert message in problem
    assert not set(problem.split()) & set(VOCABULARY)
    assert budgets.booked(config) == []
    reproducible = project.config(**{**budgets.DP, "policy": "research", "secret": "public"})
    assert refused_before(reproducible, found, policy="research") == []
    budgets.reserved(config)  # once the budget is reserved, the audits decide
    assert refused_before(config, found) == []


def test_split_without_a_problem_is_not_refused_and_all_problems_are_listed(project, budgets):
    config = project.config(**budgets.with_dp(epsilon=2.9, persons=10))
    assert refused_before(config, prepared()) == []
    budgets.reserved(project.config(**budgets.with_dp(epsilon=2.0), seed=3))
    control = corpus("control", texts(60, 2, "discharged to ward nine"))
    for number in range(3):
        record_attempt(*ledger_of(config), digest=str(number), control=as_table(control, {}))
    external = load_policy("hospital-external")
    limits = external.dp_substitute.model_copy(update={"max_epsilon": 1.0, "max_delta": 0.5})
    policy = external.model_copy(update={"dp_substitute": limits})
    large = project.config(**budgets.with_dp(epsilon=2.9, delta=9e-3, persons=10))
    found = refused_before(
        large, prepared(control=[r.text for r in control.records], near_duplicate_rate=0.02), policy=policy
    )
    for problem, start in zip(
        found,
        (
            "epsilon: the limit for all runs together is 1;",
            "dp.delta: 0.009",
            "attempts: the control persons were already audited 3 times",
            "input checks: 2.0%",
            "input checks: train and",
        ),
        strict=True,
    ):
        assert problem.startswith(start)


def own_policy(rule="", required=""):
    head = "name: own\nversion: '1'\nintended_use: inside\nstatement: For tests.\n"
    text = f"{head}required: [{required}]\nrules: [{rule}]\n"
    return parse_policy(text.encode(), "own")


def test_rule_of_the_policy_on_an_input_check_refuses_before_the_reservation(project, budgets):
    rule = (
        '{id: nearly, metric: input_checks.near_duplicate_rate, bound: value, op: "<=", limit: 0.001, why: Stricter.}'
    )
    found, config = prepared(near_duplicate_rate=0.005), project.config(**budgets.DP)
    assert refused_before(config, found, policy=own_policy(rule)) == ["rule nearly: 0.005 <= 0.001 does not hold"]
    assert refused_before(config, found) == []


LOW = 'bound: high, op: "<=", limit: 0.9, why: For tests.'


@pytest.mark.parametrize(
    ("policy", "is_refused"),
    [
        ("strict-dp", True),  # an independent policy, so no check decides after the draw
        ("hospital-external", True),
        ("research", True),  # a rule of the policy limits the number of problems
        (own_policy(required="memorization"), True),  # with a problem, this audit cannot pass
        (own_policy(rule=f"{{id: auc, metric: membership.auc, {LOW}}}"), True),  # nor can a rule on an audit pass
        (own_policy(rule=f"{{id: rare, metric: input_checks.near_duplicate_rate, {LOW}}}"), False),
        (own_policy(required="accounting"), False),  # reported, but decides nothing
        (own_policy(), False),
    ],
)
def test_problem_of_an_input_check_refuses_only_if_it_prevents_the_release(project, budgets, policy, is_refused):
    assert bool(refused_before(project.config(**budgets.DP), CERTAIN["shift"][0], policy=policy)) == is_refused


def test_exhausted_control_persons_are_refused_before_a_reservation(project, budgets):
    small, policy = budgets.with_dp(epsilon=0.5, delta=1e-6), load_policy("hospital-external")
    config, found = project.config(**small), prepared()
    (limit,) = [rule.limit for rule in policy.rules if rule.metric == ATTEMPTS]
    for number in range(int(limit)):
        assert attempts_before(*ledger_of(config), control=as_table(found.control, {})) == number
        other = config if number == 0 else project.config(**small, seed=number)
        assert (
            refused_before(other, found, policy=policy) == []
        )  # before the limit is reached, other runs may reserve
        run = budgets.reserved(other).spending.run
        if number == 0:
            note_draw(*ledger_of(config), run)
        record_attempt(*ledger_of(config), digest=str(number), control=as_table(found.control, {}))
    for other, spend_again in ((project.config(**small, seed=99), False), (config, True)):
        (problem,) = refused_before(other, found, policy=policy, spend_again=spend_again)
        n_audits = "the control persons were already audited 3 times, and the policy allows 3 audits"
        assert problem.startswith(f"attempts: {n_audits} of the same persons;")
    assert refused_before(config, found) == []  # the old reservation stays available
    assert len(budgets.booked(config)) == int(limit)

"""Write the result of the shadow attack to a file and as text."""

from collections.abc import Callable
from importlib.metadata import version
from itertools import count
from pathlib import Path

from audits.attacks.shadow.attack import PERMUTATIONS, attack_reruns
from audits.attacks.shadow.plan import read_plan, read_tables
from audits.core.errors import NotMeasurable
from audits.core.files import write_whole
from audits.core.inputs import table_digest
from audits.core.report import AuditReport
from audits.core.types import AuditInputs, AuditResult, without_number

REPORT = "shadow.json"


def judge_shadow(  # noqa: PLR0913 - the options of the command line
    folder: Path,
    inputs: AuditInputs,
    *,
    seed: int = 0,
    confidence: float = 0.95,
    permutations: int = PERMUTATIONS,
    text: str = "text",
    label: str = "label",
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> AuditReport:
    """Attack the reruns of a plan, write shadow.json into its folder, and return its content.

    Args:
        folder: contains plan.json and the tables of all reruns.
        inputs: train, control and reference are used; synthetic is not.
        seed: see `attack_reruns`.
        confidence: see `attack_reruns`.
        permutations: see `attack_reruns`.
        text: the text column of the reruns' tables.
        label: their class column.
        progress: receives the number of finished and of all steps after each rerun's table and each permutation.

    Raises:
        InputError: the plan or a table is missing or not valid, the tables are not those of the plan, or the report
            cannot be written.
    """
    plan = read_plan(folder)
    tables = read_tables(folder, plan.runs, text=text, label=label)
    done, total = count(1), plan.runs + permutations
    try:
        result = attack_reruns(
            plan,
            tables,
            inputs.train,
            inputs.control,
            inputs.reference,
            seed=seed,
            confidence=confidence,
            permutations=permutations,
            progress=lambda: progress(next(done), total),
        )
    except NotMeasurable as error:
        result = without_number("shadow", "not_measurable", error.message)
    reruns = {f"rerun {run}": table_digest(table) for run, table in enumerate(tables)}
    report = AuditReport(
        results=(result,),
        inputs={"train": plan.train, "control": plan.control, **reruns},
        tool=f"synthgen-audits {version('synthgen')}",
    )
    write_whole(folder / REPORT, report.to_json())
    return report


def as_text(result: AuditResult) -> str:
    """Return the result as text for a terminal."""
    lines = [f"shadow: {result.verdict}. {result.reason}"]
    for name, estimate in (("target persons", result.estimate), ("non-members", result.control)):
        if estimate is not None:
            lines.append(f"  AUC of {name}: {estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]")
    worst = result.metrics.get("shadow.worst_person_auc")
    if worst is not None:
        p, worst_p = (result.metrics[f"shadow.{name}"].value for name in ("p", "worst_person_p"))
        lines.append(
            f"  highest AUC of one person: {worst.value:.3f}; p {p:.3f} for all persons, {worst_p:.3f} for this one"
        )
        leak = result.details["power"]["smallest_leak"]
        lines.append(
            "  no leak is certain to be detected"
            if leak is None
            else f"  an AUC of {leak:.3f} is detected with power .8"
        )
    return "\n".join(lines)

"""Say in words who is most at risk, and which leaks the attacks would have missed, from the published numbers."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from audits.report.content import ReportContent
from audits.report.glossary import AUDITS, LEAKS, MISSED, UNTESTED
from audits.report.numbers import at_most, count, label, least_of, listed, several, spoken

_MAX_NAMED = 3  # largest number of class names in one sentence
_FOUND_MEMBERS = "membership.tpr_at_fpr_5pct"  # metric: share of train persons found at a false positive rate of 5 %


def most_at_risk(content: ReportContent) -> Iterator[str]:
    """Yield sentences about the people (without person ids: the records) whom the texts endanger most."""
    if content.is_guessable:
        yield "Everyone whose records were used." if content.source.has_persons else "Every record that was used."
        yield "The secret of the run is not private, so somebody may guess it."
    elif content.guarantee is not None:
        yield "The limit is the same for every person whose records were used, however unusual the records are."
        yield "It does not protect people who are mentioned only in the records of others."
        yield "A person with two ids counts as two people and is protected less."
    if content.guarantee is not None:
        return
    evidence = [*_attacked(content), *_smallest_class(content)]
    yield from evidence or (() if content.is_guessable else ("This was not measured.",))


def _attacked(content: ReportContent) -> Iterator[str]:
    units, people_who_were = content.source.units, content.source.units_that_were
    results = {str(audit["name"]): audit for audit in content.audits}
    if bad := [LEAKS.get(name, name) for name, audit in results.items() if audit["verdict"] == "fail"]:
        yield f"It is not known {'who is' if content.source.has_persons else 'which records are'} most at risk."
        attacks = f"{several(len(bad), 'attack')} had a bad result ({listed(bad, '; ')})"
        yield f"{attacks}, but this page does not show which {units} are exposed."
    found = results.get("membership", {}).get("metrics", {}).get(_FOUND_MEMBERS)
    if found is not None:
        low, high = math.floor(round(100 * found["low"], 6)), math.ceil(round(100 * found["high"], 6))
        attack = f'The attack "{LEAKS["membership"]}"'
        yield (
            f"{attack} finds {low} to {high} of 100 {people_who_were} used, while it wrongly names 5 of 100 "
            f"{people_who_were} not used."
        )
        may = "is" if low > 5 else "may be no" if high >= 5 else "is no"
        yield f"Guessing finds 5 of 100, so this attack {may} better than guessing."


def _smallest_class(content: ReportContent) -> Iterator[str]:
    # a row: label, and counts of real ("–" if not published), requested and generated records
    rows = [row for row in content.balance if row[1] != "–"]
    if len(rows) < 2:
        return
    real = min((row[1] for row in rows), key=least_of)
    smallest = [row for row in rows if least_of(row[1]) == least_of(real)]
    if len(smallest) == len(rows):
        yield f"No class is the smallest: each of the {count(len(rows))} classes has {spoken(real)} real records."
        return
    units, names = content.source.units.capitalize(), [label(row[0]) for row in smallest[:_MAX_NAMED]]
    if len(smallest) == 1:
        made = count(smallest[0][3])
        yield (
            f"{units} of the smallest class, {names[0]}, may be at higher risk, because its {made} texts were made "
            f"from the fewest real records ({spoken(real)})."
        )
        return
    more = [f"{count(len(smallest) - _MAX_NAMED)} more"] if len(smallest) > _MAX_NAMED else []
    yield (
        f"{units} of the {count(len(smallest))} smallest classes, {listed([*names, *more])}, may be at higher risk, "
        f"because each of these has the fewest real records ({spoken(real)})."
    )


def missed(content: ReportContent) -> Iterator[str]:
    """Yield sentences about leaks that the attacks would not have found; for their sizes, see `not_excluded`."""
    guarantee = content.guarantee
    if guarantee is not None and guarantee.withholds and not content.private:
        if guarantee.is_independent:
            yield "No result of an attack is published, so this page does not say what they would have missed."
        else:
            yield "The policy publishes only which rules are met, so the size of missed leaks is not stated."
        if not content.is_guessable:
            yield (
                "The guarantee does not depend on the attacks; it limits every leak of a protected person, with the "
                'exception that the line "Exception" of the guarantee states.'
            )
        return
    run = {str(audit["name"]) for audit in content.audits if audit["status"] == "measured"}
    not_run = [name for name in AUDITS if name not in run and name != "accounting"]
    if named := [LEAKS[name] for name in not_run if name not in UNTESTED]:
        yield f"Not tested: {listed(named, '; ')}."
    yield from (UNTESTED[name] for name in not_run if name in UNTESTED)
    yield _self_test(content)
    yield "It is not known whether the language model had been trained on these records before."
    yield "If it had, the attacks might miss leaks."
    if not_excluded(content):
        people_who_were = content.source.units_that_were
        for audit in content.audits:
            if audit["name"] == "memorization" and _largest(audit, content):
                n, attack = count(audit["estimate"]["n"]), f'The attack "{LEAKS["memorization"]}"'
                tested = f"{n} {people_who_were} used and at least {n} {people_who_were} not used"
                yield f"{attack} tested at least {tested}."
        yield "Each attack has its own threshold, so a larger number in the list below is not always a worse result."
        yield "If the attacks work as intended, leaks of this size are still possible:"


def not_excluded(content: ReportContent) -> tuple[str, ...]:
    """Return a phrase for each measured attack with a published interval: the largest leak in this interval."""
    return tuple(words for audit in content.audits if (words := _largest(audit, content)))


def _largest(audit: Mapping[str, Any], content: ReportContent) -> str | None:
    estimate, words = audit.get("estimate"), MISSED.get(str(audit["name"]))
    if estimate is None or words is None or audit["status"] != "measured" or estimate["high"] <= 0:
        return None
    leak = words.format(at_most(estimate["high"]), unit=content.source.unit, units=content.source.units)
    return f"{leak} (bad result)" if audit["verdict"] == "fail" else leak


def _self_test(content: ReportContent) -> str:
    tests = [gate for gate in content.gates if gate.metric.startswith("selftest.")]
    unknown = "so it is not shown that the attacks notice a known leak."
    if not tests:
        return f"The policy requires no self-test, in which the attacks must find a planted leak, {unknown}"
    if all(gate.verdict == "PASS" for gate in tests):
        records = "records of the same people" if content.source.has_persons else "the same records"
        return f"A self-test with {records} showed that the attacks notice known leaks."
    if any(gate.verdict == "FAIL" for gate in tests):
        return "The self-test failed: an attack missed a known leak, or reported a leak where there was none."
    if all(gate.value is None for gate in tests):
        return f"The self-test was not carried out, {unknown}"
    return "The self-test was not completed for every attack."

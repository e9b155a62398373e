import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from audits.core.errors import VerifyError
from audits.report import SourceSize, render_report
from audits.report.render import MAX_REPORT_BYTES

HOSTILE = "</script><img src=x onerror=alert(1)>\x1b]0;x\x07\u202e'\"{{7*7}}"


@pytest.fixture(scope="module", params=["released", "refused"])
def page(request, shown):
    return shown(request.param)


@pytest.fixture(scope="module")
def shown(pages):
    """Return a function that renders and parses the page of a verdict, with some content changed."""
    return lambda verdict="released", **changes: pages.Page(render_report(replace(pages.content(verdict), **changes)))


def test_page_has_no_scripts_and_no_external_resources(page):
    policies = [m["content"] for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
    for tag, attributes, _ in page.elements:
        assert tag not in {"script", "iframe", "object", "embed", "link", "base", "form", "img"}
        for name, value in attributes.items():
            assert not name.startswith("on")
            assert name != "src"
            if name.endswith("href"):
                assert value.startswith("#")
            assert "url(http" not in (value or "")
    styles = "".join(data for data, where in page.texts if "style" in where)
    assert ("@import" in styles, "url(" in styles) == (False, False)


def test_pictures_have_titles_and_headers_have_scopes(page):
    n_svg = len(page.all("svg"))
    titles = [where for tag, _, where in page.elements if tag == "title" and where and where[-1] == "svg"]
    assert n_svg == len(titles) > 4
    assert all(th.get("scope") in {"row", "col"} for th in page.all("th"))
    pictures = [a for a in page.all("svg") if "aria-hidden" not in a]
    assert all(a["role"] == "img" and a["aria-labelledby"] for a in pictures)
    assert (len(page.all("desc")), page.all("html")[0]["lang"]) == (2, "en")


def test_ids_are_unique_references_have_targets_and_headings_do_not_skip_a_level(page):
    ids = Counter(a["id"] for _, a, _ in page.elements if "id" in a)
    assert max(ids.values()) == 1
    wanted = [i for _, a, _ in page.elements for i in a.get("aria-labelledby", "").split()]
    wanted += [a[k][1:] for _, a, _ in page.elements for k in a if k.endswith("href")]
    wanted += [m for _, a, _ in page.elements for m in re.findall(r"url\(#(.*?)\)", a.get("clip-path", ""))]
    assert set(wanted) <= set(ids)
    levels = [int(tag[1]) for tag, _, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert (levels[0], levels.count(1)) == (1, 1)
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_failed_audit_without_a_gate_is_shown_as_failed(shown):
    text = shown().text()
    met = 'Cleared for internal use only: all 3 rules of the policy "research" are met'
    head = f"{met}; 1 attack did not pass, which the policy allows"
    first = text[text.index(head) : text.index("Contents")]
    assert (
        "although these attacks did not pass: telling which records were used: bad result, within the limit of the "
        "policy" in first
    )
    start = text.index("Verdicts that do not affect the decision The policy")
    without_gate = text[start : text.index("2 synthetic records")]
    assert "FAIL membership telling which records were used" in without_gate
    assert "PASS" not in without_gate.replace("is not PASS", "")
    gates = text[text.index("Every rule of the policy") : start]
    assert "membership.passed" not in gates


def test_page_begins_with_verdict_answers_and_contents(shown):
    starts = {"released": "Cleared for internal use only: all 3", "refused": "Refused: 2 of 5 rules of the policy"}
    for verdict, words in starts.items():
        text, command = shown(verdict).text(), "synthgen verify release-clinic-synthetic-2026-11-20-a1b2c3 --trust"
        assert text.index(words) < text.index("May it leave the institution? No.") < text.index("Contents")
        assert text.count("For use inside the institution.") == 1
        assert text.count('the policy "research" would state: For use inside') == (verdict == "refused")
        assert (command in text) == (verdict == "released")
    assert "1 rule failed: usefulness for training. 1 rule could not be decided: 1 was not measured" in text


def test_the_banner_is_green_only_if_nothing_is_bad(pages, shown):
    def colour(verdict="released", **changes):
        found = (a["class"] for a in shown(verdict, **changes).all("div") if "banner" in a.get("class", ""))
        return next(found).split()[1]

    assert colour() == "INSUFFICIENT"
    assert colour(without_gate=()) == colour(without_gate=(replace(pages.MEASURED, verdict="PASS"),)) == "PASS"
    assert colour(without_gate=(), is_guessable=True) == "INSUFFICIENT"
    assert colour("refused") == "FAIL"


def test_the_findings_of_the_attacks_have_a_column_only_if_there_is_one(pages):
    for reason, has_column in (("Found.", True), ("", False)):
        audits = tuple({**one, "reason": reason} for one in pages.audits())
        rows = rows_of(render_report(replace(pages.content(), audits=audits)), "Each audit that was run")
        assert {len(row) for row in rows} == {5 + has_column}
        assert rows[0][1].startswith("memorization copied passages Does a synthetic text repeat")


ORDER = (
    "gates",
    "samples",
    "balance",
    "attacks",
    "utility",
    "style",
    "limitations",
    "provenance",
    "stages",
    "glossary",
)


@pytest.mark.parametrize("verdict", ["released", "refused"])
def test_contents_list_the_sections_in_their_order(shown, verdict):
    page = shown(verdict)
    linked = [a["href"][1:] for a in page.all("a")]
    assert linked == ["main", *ORDER]
    assert [a["id"] for a in page.all("h2") if a["id"] in ORDER] == [*ORDER]
    assert {a["aria-labelledby"] for a in page.all("section")} == {"verdict", *ORDER}


def test_a_missing_section_is_not_in_the_contents(shown):
    page = shown("refused", balance=(), utility={}, limitations=(), provenance={}, stages=(), filters={})
    assert [a["href"][1:] for a in page.all("a")] == ["main", "gates", "samples", "attacks", "glossary"]
    assert {a["aria-labelledby"] for a in page.all("section")} == {
        "verdict",
        "gates",
        "samples",
        "attacks",
        "glossary",
    }


def test_released_records_are_quoted_and_those_of_a_refused_run_are_not(pages, shown):
    html = render_report(pages.content())
    assert "<b>cardiology</b><p>Dear colleague,\nthe heart is well.</p>" in html
    assert (
        "Ten synthetic records These are the first records in the order of their ids"
        in shown(samples=(("a", "b"),) * 10).text()
    )
    assert "are not shown, because they may repeat text of a person" in shown("refused").text()
    with pytest.raises(ValueError, match="must not be shown"):
        replace(pages.content("refused"), samples=(("a", "b"),))
    private = shown("refused", samples=(("a", "b"),) * 10, private=True).text()
    assert "Ten synthetic records These are the first records" in private
    assert "The run was refused, so these records may repeat text of a person." in private
    assert "are not shown" not in private
    assert "synthgen review WORKSPACE" in private
    assert "synthgen review" not in shown("refused").text() + shown(private=True).text()


def test_hostile_text_of_a_record_is_escaped_and_shortened(shown):
    page = shown(samples=((HOSTILE, HOSTILE * 90),))
    assert page.all("img") == page.all("script") == []
    assert "\x1b" not in page.text()
    assert page.text().count("{{7*7}}") < 20


def test_contradictions_of_synthetic_and_real_records_are_compared(pages, shown):
    text = shown().text()
    assert "12 % of the synthetic and about 5 % of the real test records contradict themselves" in text
    assert "a drug for a condition that it does not treat" in text
    utility = pages.utility(("a",))
    alone = utility | {"coherence": {"synthetic": utility["coherence"]["synthetic"]}}
    assert (
        "12 % of the synthetic records contradict themselves; there are too few real" in shown(utility=alone).text()
    )


def test_accuracy_of_subgroups_is_shown_in_the_order_of_the_glossary(pages, shown):
    text = shown().text()
    row = "encoder-logistic 0.800 (0.700 to 0.900) 0.800 (0.700 to 0.900) 50"
    assert f"female {row} male {row} 65 years or older {row} Style and coherence" in text
    few = pages.utility(("a",)) | {"subgroups": {}}
    rule = "at least 50 people and if the people outside the shown subgroups of sex, or of age band, are none"
    for page, words in ((text, "by the sex and the age band"), (shown(utility=few).text(), "No subgroup is shown")):
        assert rule in page
        assert words in page
    without = shown(source=SourceSize(has_persons=False)).text()
    assert rule.replace("people", "records") in without
    assert "with its number of records and its threshold" in without


def test_audits_that_were_not_run_are_listed(shown):
    text = shown().text()
    listed = text[text.index("Audits that were not run") :]
    for name in ("identifiers", "parent_recovery", "linkage", "canaries", "accounting", "differencing"):
        assert name in listed
    assert "memorization: Does" not in listed
    assert "1,717 independent records would decide it." in text


def rows_of(page, caption):
    """Return the cells of the rows of the table with this caption."""
    table = page.split(caption)[1].split("</table>")[0]
    cells = (re.findall(r"<t[dh][ >].*?</t[dh]>", row, re.DOTALL) for row in re.split("<tr[^>]*>", table)[2:])
    return [[" ".join(re.sub("<.*?>", " ", cell).split()) for cell in row] for row in cells]


@pytest.mark.parametrize("independent", [True, False])
def test_the_guarantee_is_one_section_before_the_gates(pages, independent):
    html = render_report(pages.private_content(independent=independent))
    text = pages.Page(html).text()
    box = text[text.index("Privacy guarantee Protected") : text.index("Gates that decide")]
    for words in (
        "e^ε = 7.39",
        "1 in 100,000",
        "one more run of at most ε = 2.1 is possible",
        "Not covered by the guarantee",
        "records of others",
    ):
        assert words in box
    decided = "no test on private records affected" if independent else "Tests that compare the texts"
    assert decided in box
    assert "Privacy guarantee" not in pages.Page(render_report(pages.content())).text()


@pytest.mark.parametrize("independent", [True, False])
def test_what_is_not_published_is_withheld_with_dashes(pages, independent):
    html = render_report(pages.private_content(independent=independent))
    audits = {row[1].split()[0]: row for row in rows_of(html, "The audits, with the results")}
    assert audits["accounting"][0] == "✓ PASS"
    assert (audits["accounting"][2], audits["accounting"][3]) == ("2", "412")
    named = {} if independent else {"memorization": "✓ PASS"}
    others = ("memorization", "membership", "neighbours", "identifiers", "parent_recovery", "linkage", "canaries")
    for name in others:
        assert audits[name][0] == named.get(name, "– WITHHELD")
        assert audits[name][2:5] == ["–", "–", "–"]
    assert "Audits that were not run" not in html
    gates = {row[1].split()[0]: row for row in rows_of(html, "Every rule of the policy")}
    assert [gates["dp-delta"][i] for i in (2, 3, 4)] == ["0.00001 decided", "≤ 0.00001", "–"]
    if not independent:
        assert gates["useful"][2:5] == ["– the number is withheld", "≥ 0.900", "–"]
        (beside,) = rows_of(html, "<caption>Audits that are measured")
        assert beside == ["– WITHHELD", "membership telling which records were used"]
    words = html.split('<h2 id="glossary">')[0]
    assert "INSUFFICIENT" not in re.sub(r"<style>.*?</style>", "", words, flags=re.DOTALL)


def test_points_that_replace_patients_are_not_counted(pages):
    text = pages.Page(render_report(pages.private_content())).text()
    assert "interpolate – 500-1k" in text
    assert "are not persons" in text
    assert "– real" not in text
    assert "are not persons" not in pages.Page(render_report(pages.content())).text()


def test_warnings_come_first_on_the_private_page(pages):
    text = pages.Page(render_report(pages.private_content(private=True, warnings=("Hits.", "Think.")))).text()
    assert text.index("Warning. Hits.") < text.index("Think.") < text.index("Released: all 3 rules")


@pytest.mark.parametrize("where", ["label", "title"])
def test_hostile_names_are_escaped(pages, where):
    html = render_report(pages.content("refused", **{where: HOSTILE}))
    page = pages.Page(html)
    assert page.all("img") == page.all("script") == []
    assert ("\x1b" in html, "\u202e" in html) == (False, False)
    for words in ("</script><img src=x onerror=alert(1)>", "{{7*7}}"):
        assert words in page.text()


def test_hostile_text_of_an_audit_is_escaped(pages, shown):
    audit = {**pages.audits()[1], "reason": HOSTILE, "name": HOSTILE}
    assert not shown("refused", audits=(audit,), provenance={HOSTILE: HOSTILE}).all("img")


def test_same_content_gives_the_same_bytes_in_another_process(pages):
    here = render_report(pages.content())
    assert render_report(pages.content()) == here
    code = (
        f"import sys; sys.path.insert(0, {str(Path(pages.__file__).parent)!r})\n"
        "import pages; from audits.report import SourceSize, render_report\n"
        "sys.stdout.buffer.write(render_report(pages.content()).encode())"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert there == here.encode()


def test_page_size_is_limited(pages):
    labels, content = [f"class {i}" for i in range(101)], pages.content()
    big = replace(content, balance=tuple((x, 7, 8, 9) for x in labels), utility=pages.utility(labels))
    assert len(render_report(big).encode()) < MAX_REPORT_BYTES
    with pytest.raises(VerifyError, match="at most 2000000"):
        render_report(replace(content, limitations=("x" * MAX_REPORT_BYTES,)))


def test_report_without_gates_and_numbers_is_rendered_and_a_histogram_of_few_records_is_not_drawn(pages, shown):
    rows = dict.fromkeys(("gates", "balance", "audits", "stages", "limitations"), ())
    assert "it allows no release" in shown("refused", **rows, utility={}, filters={}, provenance={}).text()
    audit = {**pages.audits()[1], "details": {"histogram": pages.histogram([0, 1, 2], [3, 2], [1, 1])}}
    assert "Not drawn: a plot of so few records" in shown(audits=(audit,)).text()

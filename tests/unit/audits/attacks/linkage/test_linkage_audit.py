"""The linkage audit: releases that fail, that pass, and that are insufficient."""

import json
from dataclasses import replace

import numpy as np
import pytest

from audits.attacks.linkage.attacks import FamilyResult
from audits.attacks.linkage.linkage_audit import RARE_LIMIT, Linkage, _judge
from audits.attacks.linkage.view_retrieval import split_halves
from audits.core.errors import NotMeasurable
from audits.core.holdout import Arms, HoldoutTables
from audits.core.stats import Scan
from audits.core.types import AuditInputs, Table

RNG = np.random.default_rng


def run(synthetic, train, control, seed=0, **more):
    return Linkage().run(AuditInputs(synthetic=synthetic, train=train, control=control, **more), RNG(seed), 0.95)


@pytest.fixture(scope="module")
def town(people):
    """Return enough people for a verdict at the widest limits."""
    sizes = {"train": (440, "t"), "control": (550, "h"), "fresh": (450, "s")}
    return {name: people(n, seed=i + 40, prefix=p, rows=(1, 1)) for i, (name, (n, p)) in enumerate(sizes.items())}


def test_fresh_people_pass(town):
    result = run(town["fresh"], town["train"], town["control"])
    assert (result.verdict, result.status, result.direction) == ("pass", "measured", "two_sided")
    assert result.threshold[0] <= result.estimate.low <= 0 <= result.estimate.high <= result.threshold[1]
    assert set(result.metrics) == {"estimate", "half_to_half", "inversion", "scan_p", "rare_excess", "limit"}
    assert result.metrics["estimate"] == result.estimate
    assert set(result.details["families"]) == {"words", "half_to_half", "inversion"}
    assert json.loads(json.dumps(result.details)) == result.details
    power = result.details["power"]
    assert power["n"] == min(min(f["persons"].values()) for f in result.details["families"].values())
    assert power["n_needed"] == 1713
    assert 0 < power["smallest_leak"] < result.threshold[1]


@pytest.mark.parametrize("leak", ["verbatim", "half of the words", "mixes of two"])
def test_leak_fails_by_every_attack(town, retexted, word_dropout, mixed, leak):
    train = town["train"]
    texts = {
        "verbatim": lambda: train.texts,
        "half of the words": lambda: word_dropout(train.texts, 0.5),
        "mixes of two": lambda: mixed(train.texts, 600),
    }[leak]()
    result = run(retexted(train, texts), train, town["control"])
    assert result.verdict == "fail"
    assert result.metrics["scan_p"].value < 1e-6
    assert result.estimate.low > 0.2
    assert result.metrics["half_to_half"].low > 0.2
    assert result.metrics["inversion"].low > 0.5
    assert result.metrics["rare_excess"].low > RARE_LIMIT
    named = ("rare words", "the two halves of a record", "retrieved from", "facts that at most", "most confident")
    assert all(words in result.reason for words in named)


def test_few_copied_people_fail_by_the_scan_alone(town, retexted):
    texts = [*town["train"].texts[:25], *town["fresh"].texts[25:]]
    result = run(retexted(town["fresh"], texts), town["train"], town["control"])
    assert result.verdict == "fail"
    assert result.reason.endswith(": the most confident guesses.")
    assert result.estimate.low < 0.1


def test_second_halves_alone_fail_by_inversion(town, retexted):
    """Without the first halves nothing can be inferred or joined, but the persons can be retrieved."""
    texts = [split_halves(text)[1] for text in town["train"].texts]
    result = run(retexted(town["train"], texts), town["train"], town["control"])
    assert result.verdict == "fail"
    assert result.metrics["inversion"].low > 0.5
    assert result.estimate.high < 0.1


SMALL = [f"{a}{b}" for a in ("ba", "de", "ki", "lo", "mu", "na") for b in ("r", "s", "t", "nd", "lk")]


def coded(n, seed, prefix):
    """Return people; their texts repeat thirty common words and have, in the second half, a code that few share."""
    rng = RNG(seed)
    codes = [f"code{i}" for i in rng.integers(150, size=n)]
    bodies = [list(rng.choice(SMALL, size=60)) for _ in range(n)]
    texts = tuple(" ".join([*body[:50], code, *body[50:]]) for body, code in zip(bodies, codes, strict=True))
    return Table(texts=texts, labels=None, groups=tuple(f"{prefix}{i}" for i in range(n)), has_groups=True)


def test_permuted_secrets_are_not_inferred_but_records_are_linked(retexted):
    train, control = coded(420, 1, "t"), coded(520, 2, "h")
    before = run(retexted(train, train.texts), train, control)
    assert before.metrics["estimate"].low > 0.4
    words = [text.split() for text in train.texts]
    permuted = [words[i][50] for i in RNG(3).permutation(420)]
    texts = [" ".join([*w[:50], code, *w[51:]]) for w, code in zip(words, permuted, strict=True)]
    result = run(retexted(train, texts), train, control)
    assert result.verdict == "fail"
    assert result.metrics["half_to_half"].low > 0.3
    assert result.metrics["inversion"].low > 0.4
    assert result.estimate.high < 0.05
    assert "rare words" not in result.reason


COMPLAINTS = ("asthma", "gout", "migraine", "epilepsy", "psoriasis", "anemia")
DRUGS = ("salmeterol", "colchicine", "sumatriptan", "levetiracetam", "methotrexate", "ferrous heparin")


def ward(n, seed, prefix, share):
    """Return patients with age, sex, complaint and drug; for a share of them, the drug fits the complaint."""
    rng = RNG(seed)
    texts = []
    for _ in range(n):
        complaint = int(rng.integers(len(DRUGS)))
        drug = DRUGS[complaint if rng.random() < share else int(rng.integers(len(DRUGS)))]
        body = " ".join(rng.choice(SMALL, size=24))
        sex = "woman" if rng.random() < 0.5 else "man"
        texts.append(
            f"A {rng.integers(20, 90)} year old {sex} with {COMPLAINTS[complaint]} {body[:60]}. "
            f"Today {body[60:]} takes {drug} {rng.integers(1, 40) * 5} mg."
        )
    return Table(texts=tuple(texts), labels=None, groups=tuple(f"{prefix}{i}" for i in range(n)), has_groups=True)


def test_facts_implied_by_the_kind_of_patient_are_no_leak():
    tables = (ward(n, i, p, 0.75) for i, (n, p) in enumerate([(450, "s"), (420, "t"), (520, "h")]))
    result = run(*tables)
    assert result.verdict != "fail"
    for name in ("fields", "profile"):
        found = result.details["families"][name]
        assert min(found["rate"].values()) > 0.3  # the attack works, on train and control alike
        assert found["excess"]["low"] < 0 < found["excess"]["high"]
        assert found["baselines"]["reference"]["control"] > 0.3


def test_facts_of_patients_are_inferred_from_copies(retexted):
    train, control = ward(420, 1, "t", 0.0), ward(520, 2, "h", 0.0)
    result = run(retexted(train, [t.replace("Today", "Later") for t in train.texts]), train, control)
    assert result.verdict == "fail"
    assert result.details["families"]["profile"]["excess"]["low"] > 0.1
    assert result.details["families"]["fields"]["excess"]["low"] > 0.5
    assert "clinical facts inferred from a profile" in result.reason


def test_filter_against_train_fails_by_absence(people, town):
    """Rows of control persons represent a release from which everything similar to train was removed."""
    control = town["control"]
    result = run(replace(control, groups=tuple(f"s{i}" for i in range(len(control)))), town["train"], control)
    assert result.verdict == "fail"
    assert result.metrics["inversion"].high < -0.3
    assert result.estimate.high < 0


def judged(*, half=(0, 0), words=(0, 0), rare=(0, 0), p=1.0, n=900):
    """Judge families by the correct guesses for n train and n control persons; p is the smallest p-value."""

    def finding(name, kind, correct):
        train, control = (np.array([1.0] * k + [0.0] * (n - k)) for k in correct)
        scans = {str(i): Scan(p if i == 0 else 1.0, 5, 5) for i in range(5)}
        fixed = {"required": True, "scans": scans, "report": {"variants": {}, "baselines": {}}}
        return FamilyResult(name=name, kind=kind, train=train, control=control, **fixed)

    found = [finding("words", "relative", words)]
    found += [finding(name, "absolute", k) for name, k in (("half_to_half", half), ("inversion", (90, 90)))]
    people = Arms(
        row_person=np.arange(2 * n),
        is_train=np.arange(2 * n) < n,
        person_class=np.zeros(2 * n, dtype=np.int64),
        synthetic_class=np.zeros(3, dtype=np.int64),
        n_classes=1,
    )
    table = Table(texts=("a",), labels=None, groups=("a",), has_groups=True)
    parts = HoldoutTables(synthetic=table, train=table, control=table, reference=table, reference_is_control=False)
    return _judge(found, [finding("words", "relative", rare)], parts, people, 0.95)


def test_equal_rates_pass():
    result = judged(half=(300, 310), words=(90, 80), rare=(20, 15))
    assert (result.verdict, result.threshold) == ("pass", (-0.07, 0.07))
    assert result.metrics["half_to_half"].value == pytest.approx(-10 / 900)


@pytest.mark.parametrize(
    ("case", "named"),
    [
        ({"half": (450, 300)}, "the two halves of a record joined through one synthetic row"),
        ({"half": (300, 450)}, "the two halves of a record joined through one synthetic row"),
        ({"words": (200, 90)}, "rare words of the unknown half"),
        ({"words": (0, 200)}, "rare words of the unknown half"),
        ({"rare": (150, 15)}, "facts that at most ten persons have"),
        ({"p": 0.0006}, "the most confident guesses"),
    ],
)
def test_higher_and_lower_rates_than_control_fail_by_name(case, named):
    result = judged(**case)
    assert result.verdict == "fail"
    assert result.reason.startswith("The linkage attacks succeed significantly more often, or less often, on train ")
    assert result.reason.endswith(f" than on control: {named}.")


@pytest.mark.parametrize(
    "case", [{"half": (360, 310)}, {"half": (310, 360)}, {"words": (140, 90)}, {"rare": (85, 15)}]
)
def test_interval_beyond_its_limit_is_insufficient_and_states_the_needed_persons(case):
    result = judged(**case)
    assert result.verdict == "insufficient"
    assert "train and" in result.reason
    assert "are needed for a verdict" in result.reason


def test_p_values_and_intervals_are_corrected():
    """A p-value of .0008 among fifteen, or one of four excesses, would be a proof only without the correction."""
    assert judged(p=0.0008).verdict == "pass"
    assert judged(half=(399, 300)).metrics["half_to_half"].low > 0.07
    assert judged(half=(399, 300)).verdict == "insufficient"


def test_too_few_people_are_insufficient_and_the_needed_number_is_stated(people):
    result = run(*(people(60, seed=i, prefix=p) for i, p in enumerate("sth")))
    assert result.verdict == "insufficient"
    assert "48 persons of the smaller of train and control" in result.reason
    assert "The widest limit requires 429 such persons, and the strictest limit requires 1713" in result.reason
    assert "429 train and 537 control persons would be enough" in result.reason


def test_very_few_people_or_records_without_halves_are_not_measurable(people, retexted):
    with pytest.raises(NotMeasurable, match="too few to compare"):
        run(*(people(12, seed=i, prefix=p) for i, p in enumerate("sth")))
    tables = [people(40, seed=i, prefix=p, rows=(1, 1)) for i, p in enumerate("sth")]
    with pytest.raises(NotMeasurable, match="can use: the two halves of a record"):
        run(*(replace(t, texts=tuple(" ".join(x.split()[:4]) for x in t.texts)) for t in tables))


def test_passed_vectors_are_attacked(town):
    def with_vectors(table, seed):
        return replace(table, vectors={"own": RNG(seed).normal(size=(len(table), 16)).astype(np.float32)})

    train = with_vectors(town["train"], 1)
    synthetic = replace(town["fresh"], vectors={"own": np.tile(train.vectors["own"], (2, 1))[: len(town["fresh"])]})
    result = run(synthetic, train, with_vectors(town["control"], 2))
    found = result.details["families"]["inversion"]["variants"]["vectors:own"]
    assert found["train"] > 0.9
    assert found["control"] < 0.1
    assert result.verdict == "fail"


def test_the_same_seed_gives_the_same_result(town, first_rows):
    small = [first_rows(t, 90) for t in town.values()]
    assert run(*small, seed=4) == run(*small, seed=4)


def test_no_text_reaches_the_result(town, first_rows):
    written = "zzyzx quxquux 4711 hiv positive takes quxapril 4711 mg"
    train = first_rows(town["train"], 90, written)
    result = run(train, train, first_rows(town["control"], 90))
    assert not any(word in repr(result) for word in ("zzyzx", "quxquux", "4711", "hiv", "quxapril"))


def split_posts(posts, seed):
    """Return posts of 20 Newsgroups by 700 authors each for train, control and the synthetic table."""
    authors = sorted(posts)
    np.random.default_rng(seed).shuffle(authors)
    tables = []
    for start in range(0, 2100, 700):
        rows = [(text, author) for author in authors[start : start + 700] for text in posts[author]]
        texts, groups = zip(*rows, strict=True)
        tables.append(Table(texts=texts, labels=None, groups=groups, has_groups=True))
    return tables


@pytest.mark.corpus
@pytest.mark.slow
def test_posts_of_fresh_people_pass(posts):
    train, control, fresh = split_posts(posts, 1)
    assert run(fresh, train, control, 1).verdict == "pass"


@pytest.mark.corpus
@pytest.mark.slow
def test_half_of_the_words_of_train_fails(posts, retexted, word_dropout):
    train, control, _ = split_posts(posts, 1)
    result = run(retexted(train, [t or "x" for t in word_dropout(train.texts, 0.5)]), train, control)
    assert result.verdict == "fail"
    assert result.estimate.low > 0.5


@pytest.mark.corpus
@pytest.mark.slow
def test_permuted_second_halves_fail_by_inversion(posts, retexted):
    train, control, _ = split_posts(posts, 2)
    words = [text.split() for text in train.texts]
    ends = [w[(len(w) + 1) // 2 :] for w in words]
    order = np.random.default_rng(3).permutation(len(words))
    texts = [" ".join([*w[: (len(w) + 1) // 2], *ends[i]]) for w, i in zip(words, order, strict=True)]
    result = run(retexted(train, texts), train, control)
    assert result.verdict == "fail"
    assert result.metrics["inversion"].low > 0.2
    assert result.estimate.high < 0.07

"""The linkage audit: which releases it stops, which it lets pass, and when it says it cannot tell."""

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


def mixed(texts, n, seed=5):
    """Return texts made of alternating runs of eight words of two parents."""
    rng, made = RNG(seed), []
    for _ in range(n):
        parents = [texts[i].split() for i in rng.choice(len(texts), 2, replace=False)]
        made.append(
            " ".join(
                word
                for start in range(0, max(map(len, parents)), 8)
                for word in parents[int(rng.random() < 0.5)][start : start + 8]
            )
            or " ".join(parents[0])
        )
    return made


@pytest.fixture(scope="module")
def town(people):
    """Return enough people for a verdict at the widest limits."""
    tables = [
        people(n, seed=i + 40, prefix=p, rows=(1, 1)) for i, (n, p) in enumerate([(440, "t"), (550, "h"), (450, "s")])
    ]
    return dict(zip(("train", "control", "fresh"), tables, strict=True))


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
def test_leaks_fail_by_every_attack(town, retexted, word_dropout, leak):
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
    for said in ("rare words", "halves of records", "found again", "few have", "most confident"):
        assert said in result.reason


def test_a_dozen_copied_people_fail_by_the_scan_alone(town, retexted):
    texts = [*town["train"].texts[:25], *town["fresh"].texts[25:]]
    result = run(retexted(town["fresh"], texts), town["train"], town["control"])
    assert result.verdict == "fail"
    assert result.reason.endswith("by the most confident guesses.")
    assert result.estimate.low < 0.1


def test_the_second_halves_alone_betray_whom_they_belong_to(town, retexted):
    """Nothing of the first halves is left, so nothing can be inferred or joined; but who they are of is found."""
    texts = [split_halves(text)[1] for text in town["train"].texts]
    result = run(retexted(town["train"], texts), town["train"], town["control"])
    assert result.verdict == "fail"
    assert result.metrics["inversion"].low > 0.5
    assert result.estimate.high < 0.1


SMALL = [f"{a}{b}" for a in ("ba", "de", "ki", "lo", "mu", "na") for b in ("r", "s", "t", "nd", "lk")]


def coded(n, seed, prefix):
    """Return people whose text is of thirty common words, but for one code in the second half that few share."""
    rng = RNG(seed)
    codes = [f"code{i}" for i in rng.integers(150, size=n)]
    bodies = [list(rng.choice(SMALL, size=60)) for _ in range(n)]
    texts = tuple(" ".join([*body[:50], code, *body[50:]]) for body, code in zip(bodies, codes, strict=True))
    return Table(texts=texts, labels=None, groups=tuple(f"{prefix}{i}" for i in range(n)), has_groups=True)


def test_secrets_dealt_out_anew_are_not_learnt_but_the_records_are_still_linked(retexted):
    train, control = coded(420, 1, "t"), coded(520, 2, "h")
    before = run(retexted(train, train.texts), train, control)
    assert before.metrics["estimate"].low > 0.4
    words = [text.split() for text in train.texts]
    dealt = [words[i][50] for i in RNG(3).permutation(420)]
    texts = [" ".join([*w[:50], code, *w[51:]]) for w, code in zip(words, dealt, strict=True)]
    result = run(retexted(train, texts), train, control)
    assert result.verdict == "fail"
    assert result.metrics["half_to_half"].low > 0.3
    assert result.metrics["inversion"].low > 0.4
    assert result.estimate.high < 0.05
    assert "rare words" not in result.reason


ILLS = [
    ("asthma", "salmeterol"),
    ("gout", "colchicine"),
    ("migraine", "sumatriptan"),
    ("epilepsy", "levetiracetam"),
    ("psoriasis", "methotrexate"),
    ("anemia", "ferrous heparin"),
]


def ward(n, seed, prefix, obedient):
    """Return patients with age, sex, complaint, and the drug that goes with it in so many of them."""
    rng = RNG(seed)
    texts = []
    for _ in range(n):
        ill = int(rng.integers(len(ILLS)))
        drug = ILLS[ill if rng.random() < obedient else int(rng.integers(len(ILLS)))][1]
        body = " ".join(rng.choice(SMALL, size=24))
        woman = rng.random() < 0.5
        texts.append(
            f"A {rng.integers(20, 90)} year old {'woman' if woman else 'man'} with {ILLS[ill][0]} {body[:60]}. "
            f"Today {body[60:]} takes {drug} {rng.integers(1, 40) * 5} mg."
        )
    return Table(texts=tuple(texts), labels=None, groups=tuple(f"{prefix}{i}" for i in range(n)), has_groups=True)


def test_what_follows_from_the_kind_of_patient_is_no_leak():
    tables = (ward(n, i, p, 0.75) for i, (n, p) in enumerate([(450, "s"), (420, "t"), (520, "h")]))
    result = run(*tables)
    assert result.verdict != "fail"
    for name in ("fields", "profile"):
        found = result.details["families"][name]
        assert min(found["rate"].values()) > 0.3  # the attack works, on train and control alike
        assert found["excess"]["low"] < 0 < found["excess"]["high"]
        assert found["baselines"]["reference"]["control"] > 0.3


def test_facts_of_patients_are_learnt_from_copies(retexted):
    train, control = ward(420, 1, "t", 0.0), ward(520, 2, "h", 0.0)
    result = run(retexted(train, [t.replace("Today", "Later") for t in train.texts]), train, control)
    assert result.verdict == "fail"
    assert result.details["families"]["profile"]["excess"]["low"] > 0.1
    assert result.details["families"]["fields"]["excess"]["low"] > 0.5
    assert "clinical facts inferred from a profile" in result.reason


def test_a_filter_against_train_betrays_it_by_absence(people, town):
    """Rows made of control people stand for a release from which everything like train was taken."""
    control = town["control"]
    result = run(replace(control, groups=tuple(f"s{i}" for i in range(len(control)))), town["train"], control)
    assert result.verdict == "fail"
    assert result.metrics["inversion"].high < -0.3
    assert result.estimate.high < 0


def judged(*, half=(0, 0), words=(0, 0), rare=(0, 0), p=1.0, n=900):
    """Return the verdict where so many of 900 train and control persons are guessed, and p is the smallest of 20."""

    def finding(name, kind, correct):
        values = [np.array([1.0] * k + [0.0] * (n - k)) for k in correct]
        scans = {str(i): Scan(p if i == 0 else 1.0, 5, 5) for i in range(5)}
        return FamilyResult(
            name=name,
            kind=kind,
            required=True,
            train=values[0],
            control=values[1],
            scans=scans,
            report={"variants": {}, "baselines": {}},
        )

    found = [
        finding("words", "relative", words),
        finding("half_to_half", "absolute", half),
        finding("inversion", "absolute", (90, 90)),
    ]
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


def test_what_is_right_as_often_on_control_passes():
    result = judged(half=(300, 310), words=(90, 80), rare=(20, 15))
    assert (result.verdict, result.threshold) == ("pass", (-0.07, 0.07))
    assert result.metrics["half_to_half"].value == pytest.approx(-10 / 900)


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ({"half": (450, 300)}, "halves of records"),
        ({"half": (300, 450)}, "halves of records"),
        ({"words": (200, 90)}, "rare words"),
        ({"words": (0, 200)}, "rare words"),
        ({"rare": (150, 15)}, "facts of few persons"),
        ({"p": 0.0016}, "the most confident guesses"),
    ],
)
def test_more_and_less_than_control_fail_by_name(case, said):
    result = judged(**case)
    assert result.verdict == "fail"
    assert result.reason == f"The attacks succeed differently on train and control persons: {said}" + (
        " of the unknown half." if said == "rare words" else " joined over one row." if "half" in case else "."
    )


@pytest.mark.parametrize(
    "case", [{"half": (360, 310)}, {"half": (310, 360)}, {"words": (140, 90)}, {"rare": (85, 15)}]
)
def test_an_interval_over_its_limit_decides_nothing_and_names_how_many_would(case):
    result = judged(**case)
    assert result.verdict == "insufficient"
    assert "of train and" in result.reason
    assert "would decide" in result.reason


def test_chances_are_counted():
    """One p-value of .0025 among fifteen, and one excess of four that is proven only if it were the only one."""
    assert judged(p=0.0025).verdict == "pass"
    assert judged(half=(399, 300)).metrics["half_to_half"].low > 0.07
    assert judged(half=(399, 300)).verdict == "insufficient"


def test_sixty_people_are_too_few_and_the_number_that_would_do_is_named(people):
    result = run(*(people(60, seed=i, prefix=p) for i, p in enumerate("sth")))
    assert result.verdict == "insufficient"
    assert "48 persons of the smaller arm" in result.reason
    assert "429 are the least and 1713 are needed for the strictest limit" in result.reason
    assert "429 train and 537 control persons would be enough" in result.reason


def test_a_handful_of_people_and_records_without_halves_are_not_measurable(people, retexted):
    with pytest.raises(NotMeasurable, match="too few to compare"):
        run(*(people(12, seed=i, prefix=p) for i, p in enumerate("sth")))
    tables = [people(40, seed=i, prefix=p, rows=(1, 1)) for i, p in enumerate("sth")]
    with pytest.raises(NotMeasurable, match="asked for half_to_half"):
        run(*(replace(t, texts=tuple(" ".join(x.split()[:4]) for x in t.texts)) for t in tables))


def test_vectors_of_whole_records_are_attacked_as_well(town):
    def with_vectors(table, seed):
        return replace(table, vectors={"own": RNG(seed).normal(size=(len(table), 16)).astype(np.float32)})

    train = with_vectors(town["train"], 1)
    synthetic = replace(town["fresh"], vectors={"own": np.tile(train.vectors["own"], (2, 1))[: len(town["fresh"])]})
    result = run(synthetic, train, with_vectors(town["control"], 2))
    found = result.details["families"]["inversion"]["variants"]["vectors:own"]
    assert found["train"] > 0.9
    assert found["control"] < 0.1
    assert result.verdict == "fail"


def test_the_same_seed_gives_the_same_result(town):
    small = [replace(t, texts=t.texts[:90], groups=t.groups[:90]) for t in town.values()]
    assert run(*small, seed=4) == run(*small, seed=4)


def test_no_text_reaches_the_result(town):
    written = "zzyzx quxquux 4711 hiv positive takes quxapril 4711 mg"
    train = replace(town["train"], texts=(written, *town["train"].texts[1:90]), groups=town["train"].groups[:90])
    control = replace(town["control"], texts=town["control"].texts[:90], groups=town["control"].groups[:90])
    result = run(train, train, control)
    assert not any(word in repr(result) for word in ("zzyzx", "quxquux", "4711", "hiv", "quxapril"))

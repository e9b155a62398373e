from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import synthgen.filter.classifier as module
from synthgen.core.errors import DataError
from synthgen.filter.base import folds_for
from synthgen.filter.classifier import MAX_FITS, MAX_MINIMUM, ClassAgreement, fits_for


def test_probability_is_by_the_model_without_the_parents_persons(world):
    context, train = world.context(), world.train
    fitted = ClassAgreement(0.6).fit(context)
    outcomes = fitted.judge(world.candidates)
    group = dict(zip(train.ids, train.groups, strict=True))
    order = sorted(range(len(train.ids)), key=lambda i: train.ids[i])
    fold = {train.groups[i]: f for i, f in zip(order, context.folds, strict=True)}
    for i in (0, 17, 40):
        candidate = world.candidates[i]
        parents = {group[p] for p in world.latents.parent_ids[context.row(candidate)]}
        seen = [j for j in order if fold[train.groups[j]] not in {fold[parent] for parent in parents}]
        assert not parents & {train.groups[j] for j in seen}
        model = LogisticRegression(C=fitted.bounds["strength"], max_iter=5000)
        model.fit(train.vectors[seen].astype(float), [train.labels[j] for j in seen])
        unit = world.vectors[i] / np.linalg.norm(world.vectors[i])
        p = dict(zip(model.classes_, model.predict_proba(unit[None].astype(float))[0], strict=True))
        assert outcomes[i].score == pytest.approx(p[candidate.label], abs=1e-4)
        assert outcomes[i].passed == (outcomes[i].score >= 0.6)


def test_models_do_not_see_the_parents_persons(world, monkeypatch):
    context, seen = world.context(), []
    fitted, real_fit = ClassAgreement(0.5).fit(context), module._fit
    monkeypatch.setattr(module, "_fit", lambda c, rows, s: (seen.append(set(c.folds[rows])), real_fit(c, rows, s))[1])
    fitted.judge(world.candidates)
    assert {frozenset(range(5)) - s for s in seen} == {context.parent_folds[context.row(c)] for c in world.candidates}


def test_text_of_another_class_fails(world):
    context = world.context()
    wrong = [replace(c, label={"ant": "bee", "bee": "cow", "cow": "ant"}[c.label]) for c in world.candidates]
    fitted = ClassAgreement(0.6).fit(context)
    right_rate = np.mean([o.passed for o in fitted.judge(world.candidates)])
    outcomes = fitted.judge(wrong)
    assert right_rate > 0.9
    assert not any(o.passed for o in outcomes)
    assert {o.reason for o in outcomes} == {"class_agreement"}
    assert 0.8 < fitted.bounds["share_of_real_kept"] <= 1


def test_unknown_class_fails(world):
    context = world.context()
    unknown = [replace(world.candidates[0], label="zebra"), replace(world.candidates[1], label="aardvark")]
    outcomes = ClassAgreement(0.0).fit(context).judge(unknown)
    assert [(o.passed, o.reason) for o in outcomes] == [(False, "class_not_learned")] * 2


def test_class_agreement_with_one_class_is_rejected(world):
    context = world.context()
    one = replace(context, labels=np.array(["ant"] * len(context.labels)))
    with pytest.raises(DataError, match="at least two classes"):
        ClassAgreement(0.6).fit(one)


@pytest.mark.parametrize(("parents", "fits"), [(0, 1), (1, 5), (2, 15), (3, 41), (4, 7), (10, 13), (50, 53)])
def test_number_of_models_is_limited_for_many_parents(parents, fits):
    assert fits_for(parents) == fits


def test_few_models_judge_latents_with_many_parents_without_their_persons(world, monkeypatch):
    assert len(set(world.context().folds)) == folds_for(2)
    others = sorted(world.train.ids)
    parents = [(*p, *[o for o in others if o not in p][i % 9 :][:8]) for i, p in enumerate(world.latents.parent_ids)]
    weights = ((0.1,) * 10,) * len(parents)
    world.latents = replace(world.latents, parent_ids=tuple(parents), weights=weights)
    context, saw, fit = world.context(), {}, module._fit
    fitted = ClassAgreement(0.5).fit(context)

    def record_fit(*args):
        model = fit(*args)
        saw[id(model)] = (model, set(context.folds[args[1]]))
        return model

    used, own = [], module._of_own_class
    monkeypatch.setattr(module, "_fit", record_fit)
    monkeypatch.setattr(module, "_of_own_class", lambda model, *rest: (used.append(model), own(model, *rest))[1])
    n_folds = folds_for(10)
    for candidate in world.candidates[:7]:
        used.clear()
        (one,) = fitted.judge([candidate])
        parents = context.parent_folds[context.row(candidate)]
        judges = [saw[id(model)][1] for model in used]
        assert n_folds - len(parents) >= len(judges) >= 3
        assert not any(folds & parents for folds in judges)
        assert one.reason != "class_not_learned"
    saw.clear()
    right = np.mean([o.passed for o in fitted.judge(world.candidates)])
    assert len(saw) <= n_folds < MAX_FITS
    assert right > 0.8


def test_auto_keeps_four_fifths_of_real_records_between_a_guess_and_the_default(world):
    easy = ClassAgreement("auto").fit(world.context()).bounds
    assert easy["minimum"] == MAX_MINIMUM <= easy["minimum_for_most_real"]
    noise = np.random.default_rng(5).normal(size=world.train.vectors.shape)
    for scale, similar in ((0.4, True), (50, False)):
        vectors = (world.train.vectors + scale * noise).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        bounds = ClassAgreement("auto").fit(world.context(train=replace(world.train, vectors=vectors))).bounds
        if similar:
            assert bounds["minimum"] == bounds["minimum_for_most_real"] < MAX_MINIMUM
            assert bounds["share_of_real_kept"] >= 0.8
        else:  # the classes cannot be told apart
            assert bounds["minimum"] == pytest.approx(1 / 3)
            assert bounds["minimum_for_most_real"] < 1 / 3

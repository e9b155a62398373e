import numpy as np
import pytest
import torch

from studies.feature_augmentation import classifiers
from studies.feature_augmentation.classifiers import Labelled, balanced_weights, logistic, mlp
from synthgen.core.errors import InternalError
from synthgen.core.seeds import SeedTree

SEEDS = SeedTree(7)


def clouds(sizes, seed=0, d=6, spread=1.0):
    """Return rows around one corner for each class."""
    rng = np.random.Generator(np.random.Philox(seed))
    y = np.repeat(np.arange(len(sizes)), sizes)
    return Labelled(x=(3 * np.eye(d)[y] + spread * rng.normal(size=(len(y), d))).astype(np.float32), y=y)


def network(train, validation, x, *, weighted=False):
    return mlp(train, validation, x, len(set(train.y)), SEEDS, weighted=weighted)


def test_weights_of_classes_by_hand():
    assert balanced_weights(np.array([0, 0, 0, 1, 2, 2]), 3).tolist() == pytest.approx([6 / 9, 2, 1])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("fit", [network, logistic])
def test_separable_classes_are_learned(fit, weighted):
    train, validation, test = clouds((70, 50, 40), 1), clouds((20, 20, 20), 2), clouds((30, 30, 30), 3)
    assert (fit(train, validation, test.x, weighted=weighted) == test.y).mean() > 0.9


@pytest.mark.parametrize("fit", [network, logistic])
def test_weights_raise_the_recall_of_a_small_class(fit):
    sizes = ((600, 12), (60, 60), (200, 200))
    train, validation, test = (clouds(of, seed, spread=2) for seed, of in enumerate(sizes, start=1))
    plain, weighted = (fit(train, validation, test.x, weighted=w)[test.y == 1] for w in (False, True))
    assert (weighted == 1).mean() > (plain == 1).mean()


def test_the_random_stream_decides_the_classes():
    train, validation, test = (clouds((n, n), seed, spread=4) for seed, n in ((1, 60), (2, 9), (3, 99)))
    first = mlp(train, validation, test.x, 2, SEEDS)
    assert (first == mlp(train, validation, test.x, 2, SEEDS)).all()
    assert (first != mlp(train, validation, test.x, 2, SEEDS.child("other"))).any()


def test_the_network_is_the_one_of_the_docstring():
    weights = classifiers._first_weights(6, 3, SEEDS.generator())
    w1, b1, w2, b2 = (w.detach().numpy().astype(np.float64) for w in weights)
    x = clouds((4, 3, 2)).x
    slow = np.array([w2 @ np.maximum(0, w1 @ row + b1) + b2 for row in x.astype(np.float64)])
    fast = classifiers._logits(weights, torch.from_numpy(x))
    np.testing.assert_allclose(fast.detach().numpy(), slow, atol=1e-5)
    assert np.abs(w1).max() <= 1 / np.sqrt(6)
    assert np.abs(w2).max() <= 1 / np.sqrt(128)


def test_training_agrees_with_the_layers_loss_and_optimizer_of_torch(monkeypatch):
    monkeypatch.setattr(classifiers, "MAX_EPOCHS", 3)
    train, validation = clouds((150, 30), 1, spread=2), clouds((20, 20), 2, spread=2)
    weights = classifiers._first_weights(6, 2, SEEDS.generator())
    layers = torch.nn.Sequential(torch.nn.Linear(6, 128), torch.nn.ReLU(), torch.nn.Linear(128, 2))
    with torch.no_grad():
        for parameter, weight in zip(layers.parameters(), weights, strict=True):
            parameter.copy_(weight)
    by_class = torch.from_numpy(balanced_weights(train.y, 2))
    loss_of, adam = torch.nn.CrossEntropyLoss(weight=by_class), torch.optim.Adam(layers.parameters(), lr=1e-3)
    batches, losses = SEEDS.child("b").generator(), []
    for _ in range(3):
        order = batches.permutation(180)
        for rows in (order[:128], order[128:]):
            adam.zero_grad()
            loss_of(layers(torch.from_numpy(train.x[rows])), torch.from_numpy(train.y[rows])).backward()
            adam.step()
        out = layers(torch.from_numpy(validation.x))
        losses.append(float(torch.nn.functional.cross_entropy(out, torch.from_numpy(validation.y)).detach()))
    mine = torch.optim.Adam(weights, lr=1e-3, fused=True)
    loss, _ = classifiers._train(weights, mine, train, validation, by_class, SEEDS.child("b").generator())
    assert loss == pytest.approx(min(losses), rel=1e-4)


def test_the_best_epoch_is_kept_and_training_stops_after_it(monkeypatch):
    """The labels of the validation rows are swapped, so every epoch after the first is worse."""
    train, validation = clouds((90, 90), 1), clouds((20, 20), 2)
    turned = Labelled(x=validation.x, y=1 - validation.y)
    steps = []
    monkeypatch.setattr(torch.optim.Adam, "step", lambda self, _s=torch.optim.Adam.step: (steps.append(1), _s(self)))
    weights = classifiers._first_weights(6, 2, SEEDS.generator())
    adam = torch.optim.Adam(weights, lr=1e-2)
    loss, best = classifiers._train(weights, adam, train, turned, None, SEEDS.generator())
    assert len(steps) == 2 * (1 + classifiers.PATIENCE_EPOCHS)  # two batches an epoch
    with torch.no_grad():
        logits = classifiers._logits(best, torch.from_numpy(turned.x))
    assert float(torch.nn.functional.cross_entropy(logits, torch.from_numpy(turned.y))) == pytest.approx(loss)


def test_a_training_without_a_finite_loss_is_reported():
    bad = clouds((9, 9))
    bad = Labelled(x=np.full_like(bad.x, np.nan), y=bad.y)
    with pytest.raises(InternalError, match="not a finite number in any epoch"):
        mlp(bad, bad, bad.x, 2, SEEDS)


@pytest.mark.parametrize(("spread", "best"), [(4, 0.1), (0.3, 10.0)])
def test_the_strength_of_the_linear_classifier_is_chosen_on_validation(spread, best):
    """The strongest regularisation (C = 0.1) is best on noise, and the weakest (C = 10) on separate classes."""
    from sklearn.linear_model import LogisticRegression

    train, validation = clouds((9, 8, 7), 1, spread=spread), clouds((30,) * 3, 2, spread=spread)
    test = clouds((99,) * 3, 3, spread=9)
    scored = {}
    for c in (0.1, 1.0, 10.0):
        model = LogisticRegression(C=c, max_iter=1000).fit(train.x.astype(np.float64), train.y)
        p = model.predict_proba(validation.x.astype(np.float64))[np.arange(90), validation.y]
        scored[-np.log(p).mean()] = (c, model.predict(test.x.astype(np.float64)))
    chosen, _ = scored[min(scored)]
    assert chosen == best
    same = {c: (logistic(train, validation, test.x) == p).mean() for c, p in scored.values()}
    assert same[best] > 0.99 > same[{0.1: 10.0, 10.0: 0.1}[best]]

"""The classifiers that the study trains on vectors: a network with one hidden layer, and a linear classifier."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy, linear, relu

from synthgen.core.errors import InternalError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Float32

Index = NDArray[np.int64]
HIDDEN = 128
BATCH_ROWS = 128
LEARNING_RATES = (1e-3, 3e-4)
MAX_EPOCHS = 60
PATIENCE_EPOCHS = 5
C_CHOICES = (0.1, 1.0, 10.0)  # inverse strengths of the regularization of the linear classifier


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Labelled:
    """Vectors with their classes as numbers."""

    x: Float32  # float32 (n, d)
    y: Index  # int64 (n,), 0 to C − 1; C is the number of classes


def balanced_weights(y: Index, n_classes: int) -> Float32:
    """Return the weight of each class c, N / (C · N_c), float32 (C,), which gives all classes equal total weight.

    N is the number of rows, C the number of classes, and N_c the number of rows of class c.
    """
    return (len(y) / (n_classes * np.bincount(y, minlength=n_classes))).astype(np.float32)


def mlp(
    train: Labelled, validation: Labelled, test: Float32, n_classes: int, rng: SeedTree, *, weighted: bool = False
) -> Index:
    """Return the classes that a network with one hidden layer predicts for the test rows, int64 (m,).

        z = W₂ max(0, W₁ x + b₁) + b₂;   loss = mean cross-entropy, or Σ w_y·ce / Σ w_y if weighted

    Training uses Adam with batches of 128 for at most 60 epochs, and stops when the validation loss has not fallen
    for 5 epochs. The weights of the epoch with the smallest validation loss are used. The network is trained once
    with each of two learning rates, and the result with the smaller validation loss is kept: unbalanced tables need
    the larger rate, and balanced tables with few records need the smaller rate. The initial weights are uniform
    within ±1/√fan_in. The initial weights and the order of the batches depend only on `rng` and on the shapes of the
    train table.

    Args:
        train: n rows; the entries should have absolute values of about 1.
        validation: rows to measure the validation loss, equally many of each class.
        test: float32 (m, d).
        n_classes: number of classes C.
        rng: random stream.
        weighted: whether to weight rows by `balanced_weights` of the train rows.

    Randomness: `rng.child("weights")` and `rng.child("batches")`.
    Cost: about 0.5 ms a batch at d = 384 on one core.
    """
    by_class = torch.from_numpy(balanced_weights(train.y, n_classes)) if weighted else None
    runs = []
    for rate in LEARNING_RATES:
        weights = _first_weights(train.x.shape[1], n_classes, rng.child("weights").generator())
        adam = torch.optim.Adam(weights, lr=rate, fused=True)
        runs.append(_train(weights, adam, train, validation, by_class, rng.child("batches").generator()))
    loss, best = min(runs, key=lambda run: run[0])
    if not np.isfinite(loss):
        raise InternalError("the network's validation loss was not a finite number in any epoch")
    with torch.no_grad():
        predicted: Index = _logits(best, torch.from_numpy(test)).argmax(dim=1).numpy()
    return predicted


def _train(
    weights: list[torch.Tensor],
    adam: torch.optim.Adam,
    train: Labelled,
    validation: Labelled,
    by_class: torch.Tensor | None,
    batches: np.random.Generator,
) -> tuple[float, list[torch.Tensor]]:
    """Train `weights`, and return the smallest validation loss of all epochs and the weights of that epoch."""
    x, y = torch.from_numpy(train.x), torch.from_numpy(train.y)
    x_validation, y_validation = torch.from_numpy(validation.x), torch.from_numpy(validation.y)
    best_loss, best, waited = np.inf, weights, 0
    for _ in range(MAX_EPOCHS):
        order = torch.from_numpy(batches.permutation(len(y)))
        for start in range(0, len(y), BATCH_ROWS):
            rows = order[start : start + BATCH_ROWS]
            loss = cross_entropy(_logits(weights, x[rows]), y[rows], weight=by_class)
            adam.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            adam.step()
        with torch.no_grad():
            validation_loss = float(cross_entropy(_logits(weights, x_validation), y_validation))
        if validation_loss < best_loss:
            best_loss, best, waited = validation_loss, [w.detach().clone() for w in weights], 0
        else:
            waited += 1
        if waited == PATIENCE_EPOCHS:
            break
    return best_loss, best


def _first_weights(d: int, n_classes: int, rng: np.random.Generator) -> list[torch.Tensor]:
    shapes = (((HIDDEN, d), d), ((HIDDEN,), d), ((n_classes, HIDDEN), HIDDEN), ((n_classes,), HIDDEN))
    drawn = (rng.uniform(-1, 1, shape) / np.sqrt(fan_in) for shape, fan_in in shapes)
    return [torch.from_numpy(w.astype(np.float32)).requires_grad_() for w in drawn]


def _logits(weights: Sequence[torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    w1, b1, w2, b2 = weights
    return linear(relu(linear(x, w1, b1)), w2, b2)


def logistic(train: Labelled, validation: Labelled, test: Float32, *, weighted: bool = False) -> Index:
    """Return the classes that multinomial logistic regression predicts for the test rows, int64 (m,).

    The inverse regularization strength is 0.1, 1 or 10, whichever gives the smallest validation log loss; in a tie,
    the smaller value is used.

    Args:
        train: n rows; their L2 norm should be about 1.
        validation: rows to measure the validation log loss, equally many of each class.
        test: float32 (m, d).
        weighted: whether to weight rows by `balanced_weights` of the train rows.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    model = LogisticRegression(max_iter=1000, warm_start=True, class_weight="balanced" if weighted else None)
    x = train.x.astype(np.float64)  # in float32 a probability can be 0, and its log infinite
    best_loss, best = np.inf, np.empty(0, dtype=np.int64)
    for c in C_CHOICES:  # ascending; each fit starts from the weights of the previous one
        model.set_params(C=c).fit(x, train.y)
        loss = log_loss(validation.y, model.predict_proba(validation.x.astype(np.float64)))
        if loss < best_loss:
            best_loss, best = loss, model.predict(test.astype(np.float64))
    return best

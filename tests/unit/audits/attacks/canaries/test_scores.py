import numpy as np

from audits.attacks.canaries.scores import score_canaries
from audits.core.types import Canaries, Table

RNG = np.random.default_rng


def test_canaries_are_scored_inserted_persons_first_and_by_their_highest_row(people):
    canary_build, reference = people(90, seed=1, prefix="s"), people(60, seed=2, prefix="r")
    written = people(40, seed=3, prefix="c", rows=(2, 2))
    inserted = RNG(5).random(40) < 0.5
    table = Table(
        texts=(*written.texts[:-1], canary_build.texts[4]), labels=None, groups=written.groups, has_groups=True
    )
    canaries = Canaries(table=table, family=("other",) * 40, inserted=inserted, canary_build=canary_build)
    scores, arms = score_canaries(canaries, canary_build, reference, RNG(0))
    assert arms.is_train.tolist() == sorted(inserted.tolist(), reverse=True)
    order = [*np.flatnonzero(inserted), *np.flatnonzero(~inserted)]
    assert order[int(np.argmax(scores["containment"]))] == 39
    assert scores["containment"].max() == 1.0
    again, _ = score_canaries(canaries, canary_build, reference, RNG(0))
    assert all((scores[name] == again[name]).all() for name in scores)

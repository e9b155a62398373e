from dataclasses import replace

import numpy as np
import pytest

from audits.core.errors import InputError
from audits.embeddings.shift import shift_auc


def test_clean_splits_are_rarely_reported(people):
    """The interval excludes one half in one of a hundred clean splits."""
    table = people(120, seed=5, prefix="x", rows=(1, 2))
    names = sorted(set(table.groups))
    reported = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        chosen = set(rng.permutation(names)[:70])
        arms = [[i for i, g in enumerate(table.groups) if (g in chosen) == side] for side in (True, False)]
        train, control = (
            replace(table, texts=tuple(table.texts[i] for i in rows), groups=tuple(table.groups[i] for i in rows))
            for rows in arms
        )
        auc = shift_auc(train, control, rng)
        reported += not auc.low <= 0.5 <= auc.high
    assert reported <= 1
    assert shift_auc(people(5, seed=1, prefix="t"), people(40, seed=2, prefix="h"), np.random.default_rng(0)) is None


def test_tables_without_a_repeated_word_are_refused(people):
    tables = [people(20, seed=seed, prefix="p") for seed in (1, 2)]
    tables = [
        replace(table, texts=tuple(f"{name}{i}" for i in range(len(table))))
        for name, table in zip("ab", tables, strict=True)
    ]
    with pytest.raises(InputError, match="every word occurs in only one record"):
        shift_auc(*tables, np.random.default_rng(0))

import numpy as np

from synthgen.core.seeds import SeedTree
from synthgen.dp.draft import drafter


def test_drafts_are_written_as_the_run_writes_and_come_back_as_vectors_of_texts(bench):
    job = bench.job()
    write = drafter(job, None, ("a", "b"))
    vectors = job.encoder().encode(["one text", "another text", "a third"])
    found = write(vectors, ("a", "b", "a"), SeedTree(1))
    assert found.shape == vectors.shape
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert np.array_equal(found, write(vectors, ("a", "b", "a"), SeedTree(1)))

"""Deliberate errors of the DP code, each made by replacing functions. The page on differential privacy lists them."""

from collections import Counter
from dataclasses import replace
from itertools import chain, islice

import numpy as np

from synthgen.decode.likelihood import Likelihood
from synthgen.dp import gaussian
from synthgen.dp import measure as measuring
from synthgen.dp import noised_sums as sums
from synthgen.dp import replay as replaying
from synthgen.dp.class_queries import Means
from synthgen.dp.noised_sums import UNIT, StreamNoise
from synthgen.dp.person_rows import PersonRows


def sampler(patch, draw):
    """Replace the sampler; `draw(state, n)` returns n standard normal numbers, and `state` counts calls by n."""
    state = Counter()

    def integers(_self, n, scale):
        state[n] += 1
        return np.rint(scale * draw(state, n)).astype(np.int64)

    patch.setattr(StreamNoise, "integers", integers)


def no_noise(patch):
    sampler(patch, lambda _, n: np.zeros(n))


def little_noise(patch):
    patch.setattr(sums, "MARGIN", -0.5)


def other_form(patch, form):
    """Replace the standard normal numbers of each draw by a function of them."""
    streams = Counter()

    def draw(_, n):
        streams[n] += 1
        return form(np.random.default_rng([n, streams[n]]).normal(size=n))

    sampler(patch, draw)


def half_without_noise(patch):
    other_form(patch, lambda z: np.sqrt(2) * z * (np.arange(len(z)) % 2))


def one_number_for_two_coordinates(patch):
    other_form(patch, lambda z: np.resize(z[: -(-len(z) // 2)], len(z)))


def multiples_of_the_clip_norm(patch):
    rng = np.random.default_rng(0)

    def integers(_self, n, scale):
        return UNIT * np.rint(rng.normal(size=n) * scale / UNIT).astype(np.int64)

    patch.setattr(StreamNoise, "integers", integers)


def absolute_values(patch):
    other_form(patch, np.abs)


def sorted_noise(patch):
    other_form(patch, np.sort)


def same_noise_in_each_query(patch):
    sampler(patch, lambda state, n: np.random.default_rng(state[n]).normal(size=n))


def same_noise_in_each_step(patch):
    sampler(patch, lambda _, n: np.random.default_rng(n).normal(size=n))


def seeded_noise(patch):
    patch.setattr(measuring, "_noise", lambda job, *names: StreamNoise(job.seeds.child(*names)))


def other_sum(patch, change):
    """Replace the exact sum; `change` gets all rows and the clip norm and returns a sum of float64."""

    def changed(people, clip):
        return np.trunc(change(np.concatenate(list(people)), clip) * (UNIT / clip)).astype(np.int64)

    for module in (sums, replaying):
        patch.setattr(module, "exact_sum", changed)


def clipped(rows, clip):
    return rows * (clip / np.maximum(np.linalg.norm(rows, axis=1), clip))[:, None]


def no_clipping(patch):
    other_sum(patch, lambda rows, _: rows.sum(axis=0))


def twice_the_clip_norm(patch):
    other_sum(patch, lambda rows, clip: clipped(rows, 2 * clip).sum(axis=0))


def clipping_after_the_sum(patch):
    other_sum(patch, lambda rows, clip: clipped(rows.sum(axis=0)[None], clip)[0])


def clip_norm_of_the_data(patch):
    other_sum(patch, lambda rows, _: clipped(rows, np.median(np.linalg.norm(rows, axis=1)) + 1e-9).sum(axis=0))


def clip_norm_of_the_data_in_a_query(patch):
    def means(people, variances, query, mechanism, real=gaussian.query_means):
        return real(people, variances, replace(query, clip=float(np.abs(people.points).max())), mechanism)

    patch.setattr(gaussian, "query_means", means)


def clipping_per_record(patch):
    patch.setattr(PersonRows, "mean_rows", lambda self, rows: iter([rows(slice(0, len(self.points)))]))


def person_counted_twice(patch):
    real = PersonRows.mean_rows
    patch.setattr(PersonRows, "mean_rows", lambda self, rows: chain(real(self, rows), islice(real(self, rows), 1)))


def row_counted_twice(patch):
    other_sum(patch, lambda rows, clip: 2 * clipped(rows, clip).sum(axis=0))


def persons_as_divisor(patch):
    def means(people, variances, query, mechanism, real=gaussian.query_means):
        found = real(people, variances, query, mechanism)
        return replace(found, points=found.points * found.counts.sum() / len(people.starts))

    patch.setattr(gaussian, "query_means", means)


def exact(people, means):
    """Return the exact numbers of records and the exact means of the classes."""
    placed = np.eye(people.n_classes)[people.classes]
    counts = np.maximum(placed.sum(axis=0), 1)
    return Means(counts=counts, points=placed.T @ people.points / counts[:, None])


def class_counts_as_divisor(patch):
    def means(people, *given, real=gaussian.query_means):
        noised = real(people, *given)
        return replace(noised, points=noised.points * (noised.counts / exact(people, noised).counts)[:, None])

    patch.setattr(gaussian, "query_means", means)


def exact_class_means(patch):
    def means(people, *given, real=gaussian.query_means):
        return replace(real(people, *given), points=exact(people, None).points)

    patch.setattr(gaussian, "query_means", means)


def additional_query(patch):
    def means(people, variances, query, mechanism, real=gaussian.query_means):
        mechanism([np.ones((len(people.starts), 1))], replace(query, name="number-of-persons"))
        return real(people, variances, query, mechanism)

    patch.setattr(gaussian, "query_means", means)


def additional_step(patch):
    def means(people, variances, query, mechanism, real=gaussian.query_means):
        real(people, variances, query, mechanism)
        return real(people, variances, query, mechanism)

    patch.setattr(gaussian, "query_means", means)


def missing_query(patch):
    patch.setattr(gaussian, "query_spread", lambda _people, _means, variances, *_: np.diag(variances**0.5))


def centred_by_train(patch):
    def people_of(*given, real=measuring.people_of):
        people = real(*given)
        return replace(people, points=people.points - people.points.mean(axis=0))

    patch.setattr(measuring, "people_of", people_of)


def texts_scored_in_batches(patch):
    load = Likelihood.load
    patch.setattr(Likelihood, "load", lambda folder, style, **_: load(folder, style, batch=32))


def fixed_number_of_voters(patch):
    def votes_of(train, *given, real=measuring.votes_of):
        votes = real(train, *given)
        votes[5:] = 0
        return votes

    patch.setattr(measuring, "votes_of", votes_of)


def vocabulary_of_train(patch):
    def words(*given, real=measuring.words_by_person):
        used = real(*given)
        often = Counter(word for pairs in used for word in set(pairs[:, 1]))
        return [
            np.array([pair for pair in pairs if often[pair[1]] > 3], dtype=np.int64).reshape(-1, 2) for pairs in used
        ]

    patch.setattr(measuring, "words_by_person", words)


def words_of_train_published(patch):
    def query_words(used, *given, real=measuring.query_words):
        found, known = real(used, *given), {(int(c), int(w)) for pairs in used for c, w in pairs}
        kept = np.array([[(c, w) in known for w in range(found.counts.shape[1])] for c in range(len(found.counts))])
        return replace(found, counts=found.counts * kept)

    patch.setattr(measuring, "query_words", query_words)


def substitutes_of_train(patch):
    seen = []

    def people_of(embedded, *given, real=measuring.people_of):
        seen.append(embedded)
        return real(embedded, *given)

    def substitutes(*given, real=measuring.substitutes):
        return replace(real(*given), vectors=np.tile(seen[-1].vectors[-1], (90, 1)))

    patch.setattr(measuring, "people_of", people_of)
    patch.setattr(measuring, "substitutes", substitutes)


# every error by the name that the page gives it
ERRORS = {
    "No noise": no_noise,
    "Noise multiplier too small": little_noise,
    "Half of the numbers of a sum without noise": half_without_noise,
    "The same noise for two numbers of a sum": one_number_for_two_coordinates,
    "Noise in multiples of the clip norm": multiples_of_the_clip_norm,
    "Only positive noise": absolute_values,
    "Sorted noise": sorted_noise,
    "The same noise in two queries": same_noise_in_each_query,
    "The same noise in two steps of a query": same_noise_in_each_step,
    "Seeded noise under a secret": seeded_noise,
    "No clipping": no_clipping,
    "Clip norm twice as large": twice_the_clip_norm,
    "Clipping after the sum": clipping_after_the_sum,
    "Clip norm chosen from data in the sum": clip_norm_of_the_data,
    "Clip norm chosen from data in a query": clip_norm_of_the_data_in_a_query,
    "Clipping per record": clipping_per_record,
    "A person in two rows": person_counted_twice,
    "Each person counted twice": row_counted_twice,
    "Exact number of persons as a divisor": persons_as_divisor,
    "Exact class counts as a divisor": class_counts_as_divisor,
    "Exact class means released": exact_class_means,
    "An undeclared query": additional_query,
    "One step more than declared": additional_step,
    "A declared query that is not made": missing_query,
    "Vectors centred by the mean of train": centred_by_train,
    "Texts scored in padded batches": texts_scored_in_batches,
    "A fixed number of voters": fixed_number_of_voters,
    "Vocabulary chosen from train": vocabulary_of_train,
    "Only words of train in the result": words_of_train_published,
    "Substitute points made from train": substitutes_of_train,
}

"""All filters over all candidates, the best candidate of each latent, and the wanted number of each class."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from synthgen.core.errors import InternalError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Candidate, counts_by_reason
from synthgen.filter.attributes import Attributes, n_fulfilled
from synthgen.filter.base import Filter, FilterContext, FittedFilter
from synthgen.filter.classifier import ClassAgreement
from synthgen.filter.config import FilterConfig
from synthgen.filter.consistent import consistent, is_consistent
from synthgen.filter.copies import NoCopies
from synthgen.filter.distance import ClassDistance, LatentDistance, latent_distances
from synthgen.filter.duplicates import NearDuplicates
from synthgen.filter.surface import NOT_EMPTY, Language, Length, Repetition


@dataclass(frozen=True, slots=True, kw_only=True)
class Filtered:
    """What came through, what did not, and why.

    Args:
        kept: at most one candidate per latent, in the order of the latents.
        judged: every candidate with its outcomes, in the order given; stays in the workspace.
        rejected: candidates by reason, each under its first failure in the order of the chain; the copy rule stands
            first, so its count is whole.
        failed: candidates by filter, each under every filter it failed.
        spare: candidates that passed but were not the best of their latent.
        latents_lost: latents none of whose candidates passed, by label.
        bounds: what each filter compared with, learned or configured.
    """

    kept: tuple[Candidate, ...]
    judged: tuple[Candidate, ...]
    rejected: Mapping[str, int]
    failed: Mapping[str, int]
    spare: int
    latents_lost: Mapping[str, int]
    bounds: Mapping[str, Mapping[str, float]]

    def __repr__(self) -> str:
        return f"Filtered({len(self.kept)} kept of {len(self.judged)} candidates)"


def build_filters(config: FilterConfig) -> tuple[Filter | FittedFilter, ...]:
    """Return the filters a configuration turns on; the copy rule and the test for emptiness are always among them.

    Raises:
        ConfigError: if a threshold cannot be used.
    """
    filters: list[Filter | FittedFilter] = [NoCopies(), NOT_EMPTY]
    if config.length is not None:
        filters.append(Length(config.length))
    if config.repetition is not None:
        filters.append(Repetition(config.repetition))
    if config.language is not None:
        filters.append(Language())
    if config.class_agreement is not None:
        filters.append(ClassAgreement(config.class_agreement))
    if config.embedding_distance is not None:
        filters.append(LatentDistance(config.embedding_distance.low, config.embedding_distance.high))
        filters.append(ClassDistance())
    if config.consistent is not None:
        filters.append(consistent(is_required=config.consistent == "require"))
    if config.attributes is not None:
        filters.append(Attributes(config.attributes))
    if config.near_duplicate is not None:
        filters.append(NearDuplicates(config.near_duplicate))
    return tuple(filters)


def apply(
    candidates: Sequence[Candidate], context: FilterContext, filters: Sequence[Filter | FittedFilter]
) -> Filtered:
    """Judge every candidate by every filter and keep the best of each latent.

    A candidate is kept if all filters passed it and no other passed candidate of its latent is better: fulfils more
    of the user's attribute rules or, of those that fulfil as many, does not contradict itself where that is asked or,
    of those, lies nearer to the latent (cosine distance of the re-embedded text; ties by index). None of these looks
    at train records. No filter sees what another said, so their order
    changes the order of the outcomes and the first reason counted, never the kept set.

    Args:
        candidates: all decoded texts, several per latent; row i of `context.vectors` is candidate i.
        context: latents, vectors and train records, from `make_context`.
        filters: from `build_filters`.

    Raises:
        DataError: if bounds cannot be learned from the train records.

    Privacy: see base.py; the copy rule alone drops by comparison with train records.

    Random: the folds and the tuning sample, from the context's stream.
    """
    if len(candidates) != len(context.vectors):
        raise InternalError("candidates do not match their vectors")
    if not filters:
        raise InternalError("no filter would keep nothing: a candidate nobody judged is not kept")
    fitted = [f if isinstance(f, FittedFilter) else f.fit(context) for f in filters]
    outcomes = [f.judge(candidates) for f in fitted]
    judged = tuple(replace(c, outcomes=of) for c, of in zip(candidates, zip(*outcomes, strict=True), strict=True))
    distance = latent_distances(candidates, context)
    best: dict[str, int] = {}

    def worse(i: int) -> tuple[float, bool, float, int]:
        return -n_fulfilled(judged[i]), not is_consistent(judged[i]), distance[i], judged[i].index

    for i in sorted(range(len(judged)), key=worse):
        if judged[i].kept:
            best.setdefault(judged[i].latent_id, i)
    latents = context.latents
    return Filtered(
        kept=tuple(judged[best[id_]] for id_ in latents.ids if id_ in best),
        judged=judged,
        rejected=counts_by_reason(judged),
        failed=dict(sorted(Counter(o.name for c in judged for o in c.outcomes if not o.passed).items())),
        spare=sum(c.kept for c in judged) - len(best),
        latents_lost=dict(
            sorted(Counter(y for id_, y in zip(latents.ids, latents.labels, strict=True) if id_ not in best).items())
        ),
        bounds={f.name: dict(f.bounds) for f in fitted},
    )


def select(kept: Sequence[Candidate], counts: Mapping[str, int], seeds: SeedTree) -> tuple[Candidate, ...]:
    """Return `counts[label]` of the kept candidates of each label, drawn at random; all, where there are fewer.

    At random and not by nearness to anything: choosing the best would concentrate the release on the surroundings of
    a few train records.

    Returns:
        Sorted by label, then latent id.

    Random: of `seeds.child(label)`, one permutation; adding a class changes no other class's draw.
    """
    of_label: dict[str, list[Candidate]] = {label: [] for label in counts}
    for candidate in sorted(kept, key=lambda c: c.latent_id):
        if candidate.label in of_label:
            of_label[candidate.label].append(candidate)
    chosen = []
    for label, n in sorted(counts.items()):
        order = seeds.child(label).generator().permutation(len(of_label[label]))
        chosen += [of_label[label][i] for i in sorted(order[:n])]
    return tuple(chosen)

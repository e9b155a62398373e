"""Apply all filters to the generated texts, keep the best text of each new vector, and draw the texts to release.

A latent is a new vector, from which one or more texts (candidates) were decoded. Every filter judges every candidate,
so the order of the filters does not change which candidates are kept.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from synthgen.core.errors import InternalError
from synthgen.core.seeds import SeedTree
from synthgen.core.types import Candidate, counts_by_reason
from synthgen.filter.attributes import Attributes, n_fulfilled
from synthgen.filter.base import Filter, FilterContext, FittedFilter
from synthgen.filter.classifier import ClassAgreement
from synthgen.filter.coherent import coherence_filter, n_contradictions
from synthgen.filter.config import FilterConfig
from synthgen.filter.copies import NearDuplicates, NoCopies
from synthgen.filter.distance import ClassDistance, LatentDistance, latent_distances
from synthgen.filter.label_words import LabelWords
from synthgen.filter.surface import NOT_EMPTY, Language, Legible, Length, Repetition, fluency_filter


@dataclass(frozen=True, slots=True, kw_only=True)
class Filtered:
    """The result of `apply`."""

    kept: tuple[Candidate, ...]  # the best accepted candidate, if any, of each latent, in the order of the latents
    judged: tuple[Candidate, ...]  # all candidates with their outcomes, in the order given; private
    rejected: Mapping[str, int]  # reason -> number of rejected candidates; only a candidate's first reason counts
    failed: Mapping[str, int]  # filter -> number of candidates that failed the filter; a candidate can fail several
    spare: int  # number of candidates that passed all filters, but are not the best candidate of their latent
    latents_lost: Mapping[str, int]  # label -> number of latents without a candidate that passed all filters
    bounds: Mapping[str, Mapping[str, float]]  # filter -> name of a limit -> limit

    def __repr__(self) -> str:
        return f"Filtered({len(self.kept)} kept of {len(self.judged)} candidates)"


def build_filters(config: FilterConfig, counted: Sequence[int] | None = None) -> tuple[Filter | FittedFilter, ...]:
    """Return the filters that are always on (copies, empty texts, label words), then the configured filters.

    `counted` has the number of contradictions of each candidate; if it is None, the filter `coherent` counts them.

    For each rejected text, the report counts only the first filter that the text fails. A text in the wrong language
    or of an untrained model often fails the filters of fluency, language, length and repetition. Fluency and language
    are first among these four filters, so that the report states the cause.
    """
    filters: list[Filter | FittedFilter] = [NoCopies(), NOT_EMPTY, LabelWords()]
    if config.fluency is not None:
        filters.append(fluency_filter(config.fluency))
    if config.language is not None:
        filters += [Language(), Legible()]
    if config.length is not None:
        filters.append(Length(config.length))
    if config.repetition is not None:
        filters.append(Repetition(config.repetition))
    if config.class_agreement is not None:
        filters.append(ClassAgreement(config.class_agreement))
    if config.embedding_distance is not None:
        filters += [LatentDistance(config.embedding_distance.high), ClassDistance()]
    if config.coherent is not None:
        filters.append(coherence_filter(is_required=config.coherent == "require", counted=counted))
    if config.attributes is not None:
        filters.append(Attributes(config.attributes))
    if config.near_duplicate is not None:
        filters.append(NearDuplicates(config.near_duplicate))
    return tuple(filters)


def apply(
    candidates: Sequence[Candidate], context: FilterContext, filters: Sequence[Filter | FittedFilter]
) -> Filtered:
    """Judge every candidate by every filter; for each latent, keep the best candidate that passes all filters.

    The best candidate fulfils the most attribute rules. Ties are decided by the smallest number of contradictions (0
    if the filter `coherent` is off), then by the smallest cosine distance between text and latent, then by the
    smallest `Candidate.index`. Row i of `context.vectors` is the vector of candidate i.

    Raises:
        DataError: a filter cannot learn its limits.
        ConfigError: an attribute rule is for a label that no train record has.

    Privacy: only `NoCopies` rejects a candidate because it is close to a train record. The choice of the best
        candidate reads no train record.
    """
    if len(candidates) != len(context.vectors):
        raise InternalError(f"{len(candidates)} candidates do not match {len(context.vectors)} vectors")
    if not filters:
        raise InternalError("there are no filters, but a candidate is kept only if at least one filter has judged it")
    fitted = [f if isinstance(f, FittedFilter) else f.fit(context) for f in filters]
    outcomes = [f.judge(candidates) for f in fitted]
    outcomes_of = zip(*outcomes, strict=True)
    judged = tuple(replace(c, outcomes=found) for c, found in zip(candidates, outcomes_of, strict=True))
    distance = latent_distances(candidates, context)
    best: dict[str, int] = {}

    def best_first(i: int) -> tuple[float, float, float, int]:
        return -n_fulfilled(judged[i]), n_contradictions(judged[i]), distance[i], judged[i].index

    for i in sorted(range(len(judged)), key=best_first):
        if judged[i].passed:
            best.setdefault(judged[i].latent_id, i)
    latents = context.latents
    lost = Counter(y for id_, y in zip(latents.ids, latents.labels, strict=True) if id_ not in best)
    return Filtered(
        kept=tuple(judged[best[id_]] for id_ in latents.ids if id_ in best),
        judged=judged,
        rejected=counts_by_reason(judged),
        failed=dict(sorted(Counter(o.name for c in judged for o in c.outcomes if not o.passed).items())),
        spare=sum(c.passed for c in judged) - len(best),
        latents_lost=dict(sorted(lost.items())),
        bounds={f.name: dict(f.bounds) for f in fitted},
    )


def select(kept: Sequence[Candidate], counts: Mapping[str, int], seeds: SeedTree) -> tuple[Candidate, ...]:
    """Draw `counts[label]` kept candidates of each label at random, or all if there are fewer.

    The result is sorted by label, then latent id. The draw does not prefer candidates near their latents, because
    this would concentrate the release around a few train records.

    Randomness: the draw of a label uses `seeds.child(label)`.
    """
    chosen = []
    for label, n in sorted(counts.items()):
        of_label = sorted((c for c in kept if c.label == label), key=lambda c: c.latent_id)
        order = seeds.child(label).generator().permutation(len(of_label))
        chosen += [of_label[i] for i in sorted(order[:n])]
    return tuple(chosen)

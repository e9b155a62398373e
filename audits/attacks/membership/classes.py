"""Membership attacks within each class, because an average over all classes can hide one that leaks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audits.attacks.membership.scores import Float
from audits.core.holdout import Arms
from audits.core.stats import holm, needed_for_auc, power_of_each
from audits.core.two_sided import Area, area_of, envelope, is_inside
from audits.core.types import Estimate

MIN_CLASS_PERSONS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassAreas:
    """Every attack on every class with at least 100 persons in each arm."""

    areas: Sequence[Sequence[Area]]  # per such class the AUC of every attack
    n_classes: int  # number of classes in all tables, small ones included
    # persons per arm with which a class without a leak passes all attacks with power .8, among so many classes
    needed: int

    @property
    def n_too_small(self) -> int:
        """Number of classes with too few persons to be tested separately."""
        return self.n_classes - sum(of_class[0].n >= self.needed for of_class in self.areas)

    def estimate(self, confidence: float) -> Estimate | None:
        """Return the strongest AUC of any class with the outermost interval ends of all; None without one."""
        every = [area.estimate(confidence) for of_class in self.areas for area in of_class]
        return envelope(every) if every else None

    def p_outside(self, margin: float) -> float:
        """Return the p-value against no class having an AUC beyond the margin, corrected for classes and attacks."""
        return min(holm([area.p_beyond(margin) for of_class in self.areas for area in of_class]), default=1.0)

    def all_inside(self, margin: float, confidence: float) -> bool:
        """Return whether all attacks on all classes with enough persons lie within the margin."""
        return all(
            is_inside(area.ends(confidence), margin)
            for of_class in self.areas
            for area in of_class
            if area.n >= self.needed
        )


def areas_by_class(scores: Mapping[str, Float], people: Arms, margin: float) -> ClassAreas | None:
    """Return the AUC of every attack on each class; None if there are no classes.

    Args:
        scores: per attack one score per person; (P,).
        people: the persons.
        margin: how far from one half an AUC may lie.
    """
    if people.n_classes == 1:
        return None
    of_class = [people.person_class == c for c in range(people.n_classes)]
    sized = [
        mine
        for mine in of_class
        if min((mine & people.is_train).sum(), (mine & ~people.is_train).sum()) >= MIN_CLASS_PERSONS
    ]
    n_tests = max(1, len(sized)) * len(scores)
    return ClassAreas(
        areas=[
            [area_of(s[mine & people.is_train], s[mine & ~people.is_train]) for s in scores.values()]
            for mine in sized
        ],
        n_classes=people.n_classes,
        needed=needed_for_auc(margin, power=power_of_each(n_tests)),
    )

from dataclasses import replace

import pytest

from synthgen.attributes import AttributeRule
from synthgen.core.errors import ConfigError
from synthgen.filter import apply, build_filters
from synthgen.filter.attributes import Attributes, check_labels, n_fulfilled
from synthgen.filter.config import FilterConfig

RULES = {
    "ant": (AttributeRule(age="40-60"), AttributeRule(sex="female", prefer=True)),
    "*": (AttributeRule(not_mentions="insulin"), AttributeRule(mentions="gout", prefer=True)),
}
OFF = dict.fromkeys(("class_agreement", "embedding_distance", "near_duplicate", "language", "length", "repetition"))


def verdicts(world, label, texts):
    candidates = [replace(world.candidates[0], text=text, label=label) for text in texts]
    rule = Attributes(RULES)
    context = world.context()
    return rule.fit(context).judge(candidates)


def test_the_rules_of_a_label_and_of_all():
    assert build_filters(FilterConfig(**OFF, attributes=RULES))[-1] == Attributes(RULES)
    assert not [f for f in build_filters(FilterConfig()) if f.name == "attributes"]


def test_required_rules_reject_and_preferred_ones_count(world):
    texts = [
        "A 54-year-old.",
        "A 54-year-old woman with gout.",
        "Aged 70, on insulin.",
        "Aged 54, on insulin.",
        "Gout.",
    ]
    found = [(o.passed, o.score, o.reason) for o in verdicts(world, "ant", texts)]
    assert found == [
        (True, 2, ""),
        (True, 4, ""),
        (False, 0, "attributes_age"),
        (False, 1, "attributes_not_mentions"),
        (False, 2, "attributes_age"),
    ]
    found = [(o.passed, o.score) for o in verdicts(world, "bee", ["Gout.", "Insulin.", "A hive."])]
    assert found == [(True, 2), (False, 0), (True, 1)]


def test_a_label_without_rules_passes(world):
    rule = Attributes({"ant": RULES["ant"]})
    bee = [replace(world.candidates[0], text="insulin", label="bee")]
    assert [(o.passed, o.score) for o in rule.fit(world.context()).judge(bee)] == [(True, 0)]


def test_bounds_tell_the_rules_and_nothing_of_train(world):
    assert Attributes(RULES).fit(world.context()).bounds == {"required": 2, "preferred": 2}
    other = replace(world.context(), texts=tuple("insulin" for _ in world.context().texts))
    assert Attributes(RULES).fit(other).bounds == {"required": 2, "preferred": 2}


def test_a_label_that_is_not_there_is_refused(world):
    with pytest.raises(ConfigError, match="labels that are not there") as refused:
        Attributes({"dog": RULES["ant"], "cat": RULES["ant"], "*": RULES["*"]}).fit(world.context())
    assert [p.split(":")[0] for p in refused.value.problems] == ["filter.attributes.cat", "filter.attributes.dog"]
    check_labels(RULES, ["ant", "bee"])


def kept(world, rules):
    return apply(world.candidates, world.context(), build_filters(FilterConfig(**OFF, attributes=rules)))


def test_of_a_latents_candidates_the_one_with_more_preferred_wins(world):
    """The farthest candidate of each latent says what is preferred; without the rule the nearest wins."""
    world.candidates = [replace(c, text=f"{c.text} Gout.") if c.index == 2 else c for c in world.candidates]
    wish = {"*": (AttributeRule(mentions="gout", prefer=True),)}
    assert {c.index for c in kept(world, wish).kept} == {2}
    plain = kept(world, None).kept
    assert {c.index for c in plain} != {2}
    assert kept(world, wish).latents_lost == {}
    assert all(n_fulfilled(c) == 1 for c in kept(world, wish).kept)
    assert n_fulfilled(plain[0]) == 0


def test_equally_many_leave_the_nearest(world):
    every = {"*": (AttributeRule(not_mentions="gout", prefer=True),)}
    assert [(c.latent_id, c.index) for c in kept(world, every).kept] == [
        (c.latent_id, c.index) for c in kept(world, None).kept
    ]


def test_a_latent_whose_candidates_all_fail_is_lost(world):
    lost = world.latents.ids[0]
    world.candidates = [c if c.latent_id == lost else replace(c, text=f"{c.text} Gout.") for c in world.candidates]
    result = kept(world, {"*": (AttributeRule(mentions="gout"),)})
    assert lost not in {c.latent_id for c in result.kept}
    assert result.latents_lost == {world.latents.labels[0]: 1}
    assert result.rejected == {"attributes_mentions": 3}


def test_the_choice_does_not_look_at_train(world):
    """Other train texts and vectors, same latents: the same candidates are kept."""
    world.candidates = [replace(c, text=f"{c.text} Gout.") if c.index == 1 else c for c in world.candidates]
    filters = (Attributes({"*": (AttributeRule(mentions="gout", prefer=True),)}),)
    context = world.context()
    other = replace(context, texts=tuple("gout" for _ in context.texts), train=context.train[::-1].copy())
    assert apply(world.candidates, context, filters).kept == apply(world.candidates, other, filters).kept

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
PREFER_GOUT = {"*": (AttributeRule(mentions="gout", prefer=True),)}
FILTERS = ("class_agreement", "embedding_distance", "near_duplicate", "language", "length", "repetition", "coherent")
OFF = dict.fromkeys(FILTERS)


def verdicts(world, label, texts, rules=RULES):
    outcomes = Attributes(rules).fit(world.context()).judge(world.with_texts(texts, label=label))
    return [(o.passed, o.score, o.reason) for o in outcomes]


def kept(world, **changes):
    return apply(world.candidates, world.context(), build_filters(FilterConfig(**OFF, **changes)))


def test_content_filters_are_off_by_default():
    assert build_filters(FilterConfig(**OFF, attributes=RULES))[-1] == Attributes(RULES)
    assert not {f.name for f in build_filters(FilterConfig())} & {"attributes"}


def test_required_rules_reject_and_preferred_rules_count(world):
    found = {
        "A 54-year-old.": (True, 2, ""),
        "A 54-year-old woman with gout.": (True, 4, ""),
        "Aged 70, on insulin.": (False, 0, "attributes_age"),
        "Aged 54, on insulin.": (False, 1, "attributes_not_mentions"),
        "Gout.": (False, 2, "attributes_age"),
    }
    assert verdicts(world, "ant", found) == list(found.values())
    assert [o[:2] for o in verdicts(world, "bee", ["Gout.", "Insulin.", "A hive."])] == [
        (True, 2),
        (False, 0),
        (True, 1),
    ]
    assert verdicts(world, "bee", ["insulin"], {"ant": RULES["ant"]}) == [(True, 0, "")]  # a label without rules


def test_bounds_count_the_rules_and_do_not_depend_on_train(world):
    context = world.context()
    for texts in (context.texts, ("insulin",) * len(context.texts)):
        assert Attributes(RULES).fit(replace(context, texts=texts)).bounds == {"required": 2, "preferred": 2}


def test_rules_for_unknown_labels_are_rejected(world):
    with pytest.raises(ConfigError, match="rules for unknown labels") as refused:
        Attributes({"dog": RULES["ant"], "cat": RULES["ant"], "*": RULES["*"]}).fit(world.context())
    assert [p.split(":")[0] for p in refused.value.problems] == ["filter.attributes.cat", "filter.attributes.dog"]
    check_labels(RULES, ["ant", "bee"])


def test_candidate_with_more_preferred_rules_is_kept(world):
    """Only the candidate farthest from each latent fulfils the rule; without the rule the nearest is kept."""
    world.candidates = [replace(c, text=f"{c.text} Gout.") if c.index == 2 else c for c in world.candidates]
    with_rule, plain = kept(world, attributes=PREFER_GOUT), kept(world).kept
    assert {c.index for c in with_rule.kept} == {2}
    assert {c.index for c in plain} != {2}
    assert with_rule.latents_lost == {}
    assert all(n_fulfilled(c) == 1 for c in with_rule.kept)
    assert n_fulfilled(plain[0]) == 0
    equal = kept(world, attributes={"*": (AttributeRule(not_mentions="insulin", prefer=True),)}).kept
    assert [(c.latent_id, c.index) for c in equal] == [(c.latent_id, c.index) for c in plain]


def test_latent_whose_candidates_all_fail_is_lost(world):
    lost = world.latents.ids[0]
    world.candidates = [c if c.latent_id == lost else replace(c, text=f"{c.text} Gout.") for c in world.candidates]
    result = kept(world, attributes={"*": (AttributeRule(mentions="gout"),)})
    assert lost not in {c.latent_id for c in result.kept}
    assert result.latents_lost == {world.latents.labels[0]: 1}
    assert result.rejected == {"attributes_mentions": 3}


def test_choice_does_not_depend_on_train(world):
    world.candidates = [replace(c, text=f"{c.text} Gout.") if c.index == 1 else c for c in world.candidates]
    context, filters = world.context(), (Attributes(PREFER_GOUT),)
    other = replace(context, texts=("gout",) * len(context.texts), train=context.train[::-1].copy())
    assert apply(world.candidates, context, filters).kept == apply(world.candidates, other, filters).kept

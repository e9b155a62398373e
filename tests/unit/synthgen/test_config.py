from pathlib import Path

import pytest

from synthgen.config import Config, is_uri
from synthgen.core.errors import ConfigError, InternalError
from synthgen.interpolate.mixture import Mixture

NAME = "^[a-z0-9][a-z0-9._-]{0,63}$"
CHOICE = "must be 'equal' or 'as-source'"
PRIVATE = {
    "source": {"path": "n.jsonl", "group": "p", "labels": ["a"]},
    "filter": {"length": None},
    "interpolate": {"method": "dp-gaussian", "total": 10},
    "dp": {"epsilon": 2, "delta": 1e-5, "persons": 3000},
}
MINIMAL = "version: 1\nsource: {path: n.jsonl}\ninterpolate: {total: 10}\n"
NO_ADDRESS = "must be an http or https address without `?` and `#`, such as http://127.0.0.1:8000/v1"
NO_BRIDGE = (
    "must be `builtin` or a folder; set `writer: prompt` instead of `bridge: words`, and `writer: xrag` instead of "
    "`bridge: model`"
)
EXCLUDED = "`sex: male` and `sex: female` exclude each other"
NO_KEY = "must not contain a user name or key; set `key_env` to the environment variable with the API key"
NO_WORDS = (
    "must be from 1 to 16 with `writer: prompt`: the model does not receive the vector, only words that describe it"
)
NO_TOP_K = "with `engine: endpoint`, the server does not receive this setting; omit the key"
ONLY_PROMPT = "only `writer: prompt` uses this key; set `writer: prompt`, or omit the key"


def parse(**sections):
    return Config.parse({"version": 1, "source": {"path": "n"}, "interpolate": {"total": 3}, **sections})


def load(tmp_path, text):
    path = tmp_path / "c.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Config.load(path)


def problems(tmp_path, text):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    return caught.value.problems


def test_minimal_file_gets_all_defaults(tmp_path):
    config = load(tmp_path, MINIMAL)
    assert (config.seed, config.policy, config.interpolate.method) == (0, "research", "smote")
    assert (config.release.formats, config.base) == (("parquet", "jsonl"), str(tmp_path.resolve()))


def test_every_mistake_of_a_file_is_listed_at_once(tmp_path):
    text = """
version: 2
sede: 4
source: {text: 3}
interpolate: {method: smote, k_neighbors: 0, total: 10}
release: {formats: [parquet, xml]}
"""
    with pytest.raises(ConfigError, match="the configuration has 6 mistakes") as caught:
        load(tmp_path, text)
    assert sorted(caught.value.problems) == [
        "interpolate.k_neighbors: must be greater than or equal to 1, got 0",
        "release.formats.1: must be 'parquet' or 'jsonl', got 'xml'",
        "sede: unknown key; did you mean seed?",
        "source.path: missing",
        "source.text: must be a valid string, got 3",
        "version: must be 1, got 2",
    ]


@pytest.mark.parametrize(
    ("given", "listed"),
    [
        ({}, ["interpolate: missing", "source: missing", "version: missing"]),
        ({"version": 1}, ["interpolate: missing", "source: missing"]),
        (
            {"version": 1, "source": {"path": 4}, "interpolate": {"total": 3}, "sede": 2},
            ["sede: unknown key; did you mean seed?", "source.path: must be a valid string, got 4"],
        ),
    ],
)
def test_constructor_lists_every_mistake_as_parse_does(given, listed):
    for make in (lambda: Config(**given), lambda: Config.parse(given)):
        with pytest.raises(ConfigError, match="the configuration has ") as caught:
            make()
        assert sorted(problem.partition("; for example")[0] for problem in caught.value.problems) == listed


def test_constructor_accepts_what_parse_accepts():
    given = {"version": 1, "source": {"path": "n"}, "interpolate": {"total": 3}, "release": {"formats": ["jsonl"]}}
    assert Config(**given) == Config.parse(given)
    assert Config(**given, base="/x").resolve("n") == Path("/x/n")


@pytest.mark.parametrize("given", [3, None, [("version", 1)], b"c.yaml"])
def test_load_and_parse_refuse_other_types(given):
    for make, other in ((Config.load, "DICTIONARY"), (Config.parse, "FILE")):
        with pytest.raises(ConfigError, match=rf"configuration is a {type(given).__name__}") as caught:
            make(given)
        assert caught.value.hint.endswith(f"({other}).")


@pytest.mark.parametrize("more", ["7: 4", "seed: 0x" + "f" * 5000, "[1, {a: b}]: 1", "? - ?"])
def test_unsuitable_yaml_is_refused_without_a_traceback(tmp_path, more):
    with pytest.raises(ConfigError, match=r"line \d: (a key must be a string|the number has more than)"):
        load(tmp_path, MINIMAL + more)


@pytest.mark.parametrize(
    ("more", "listed"),
    [
        ("sede: 4", ["sede: unknown key; did you mean seed?"]),
        ("base: x\nsede: 4", ["base: unknown key", "sede: unknown key; did you mean seed?"]),
        ("x.y: 3\nx: 4", ["x.y: unknown key", "x: unknown key"]),
        ("seed: '4'", ["seed: must be a valid integer, got '4'"]),
        ("seed: 9007199254740992", [f"seed: must be less than or equal to {2**53 - 1}, got {2**53}"]),
        ("split: {train: 0.7, control: 0.5}", ["split: `train` and `control` must sum to at most 1, but sum to 1.2"]),
        ("split: {train: 0}", ["split: `train` and `control` must both be above 0"]),
        ("split: {train: .nan}", ["split.train: must be a finite number, got nan"]),
        ("filter: {embedding_distance: {low: 0.1}}", ["filter.embedding_distance.low: unknown key"]),
        (
            "filter: {embedding_distance: {high: .nan}}",
            ["filter.embedding_distance.high: must be a finite number or must be 'auto', got nan"],
        ),
        ("filter: {length: [9, 2]}", ["filter.length: the shortest length must not exceed the longest, got 9 and 2"]),
        ("filter: {length: [9]}", ["filter.length.1: missing"]),
        ("filter: {attributes: {ant: [{heigth: 4}]}}", ["filter.attributes.ant.0.heigth: unknown key"]),
        (
            "filter: {attributes: {ant: []}}",
            ["filter.attributes.ant: must have at least 1 item after validation, not 0"],
        ),
        (
            "filter: {attributes: {ant: [{age: 60-40}], '*': [{medication: nostrum}]}}",
            [
                "filter.attributes.ant.0: `age` must be years from 0 to 120, such as 54 or 40-60, got '60-40'",
                (
                    "filter.attributes.*.0: medication 'nostrum' is not in SynthGen's dictionary of medications "
                    "(synthgen/attributes/dictionaries.py); use `mentions` instead"
                ),
            ],
        ),
        (
            "filter: {attributes: {ant: [{sex: male}], '*': [{sex: female}]}}",
            [f"filter.attributes: no text can fulfil these rules: ant: {EXCLUDED}"],
        ),
        ("decode: {temperature: .inf}", ["decode.temperature: must be less than or equal to 5, got inf"]),
        ("decode: {writer: prompt, words: 0}", [f"decode.words: {NO_WORDS}, got 0"]),
        ("decode: {adapt: {}}", ["decode.adapt: unknown key"]),
        (
            "decode: {bridge: words, template: a.txt}",
            [f"decode.bridge: {NO_BRIDGE}, got 'words'", f"decode.template: {ONLY_PROMPT}, got 'a.txt'"],
        ),
        (
            "decode: {writer: prompt, engine: endpoint}",
            ["decode.endpoint: `engine: endpoint` requires this section; set `url` and `model` in this section"],
        ),
        (
            "decode: {writer: bridge, engine: endpoint, endpoint: {url: 'http://127.0.0.1/v1', model: m}}",
            [
                (
                    "decode.endpoint: a server receives only prompts, no vectors; set `writer: prompt` instead of "
                    "`writer: bridge`"
                )
            ],
        ),
        (
            "decode: {writer: prompt, endpoint: {url: 'http://127.0.0.1/v1', model: m}}",
            ["decode.endpoint: this section requires `engine: endpoint`; set this engine, or remove the section"],
        ),
        (
            "decode: {writer: prompt, engine: endpoint, endpoint: {url: 'ftp://x', model: ''}}",
            [f"decode.endpoint.url: {NO_ADDRESS}", "decode.endpoint.model: must have at least 1 character, got ''"],
        ),
        (
            "decode: {writer: prompt, engine: endpoint, endpoint: {url: 'http://h/?k=KEY', model: m, key_env: a-b}}",
            [
                f"decode.endpoint.url: {NO_ADDRESS}",
                "decode.endpoint.key_env: must match pattern '^[A-Za-z_][A-Za-z0-9_]*$'",
            ],
        ),
        (
            "decode: {writer: prompt, engine: endpoint, endpoint: {url: 'http://h:99999/v1', model: m}, top_k: 5}",
            [f"decode.endpoint.url: {NO_ADDRESS}", f"decode.top_k: {NO_TOP_K}, got 5"],
        ),
        (
            "decode: {writer: prompt, engine: endpoint, endpoint: {url: 'http://k:secret@localhost/v1', model: m}}",
            [f"decode.endpoint.url: {NO_KEY}"],
        ),
        ("release: {name: ../x}", [f"release.name: must match pattern '{NAME}', got '../x'"]),
    ],
)
def test_mistakes_are_listed_with_their_path(tmp_path, more, listed):
    plural = "mistake" if len(listed) == 1 else "mistakes"
    with pytest.raises(ConfigError, match=f"the configuration has {len(listed)} {plural}\n") as refused:
        load(tmp_path, MINIMAL + more)
    assert list(refused.value.problems) == listed


@pytest.mark.parametrize(
    ("interpolate", "listed"),
    [
        *((balance, ["total: is required"]) for balance in ("{}", "{balance: as-source}")),
        ("{balance: {a: 3}, total: 3}", ["total: must be omitted"]),
        ("{balance: {a: 0, b: x}}", ["balance.a: must be great", "balance.b: must be a valid int"]),
        ("{balance: {}}", [f"balance: {CHOICE} or must have at least 1 item"]),
        ("{balance: most, total: 3}", [f"balance: {CHOICE} or must be a valid dict"]),
        ("{method: magic, total: 3}", ["method: must be 'smote'"]),
        ("[1]", [": must be a section of keys and values"]),
    ],
)
def test_invalid_counts_and_methods_are_listed(tmp_path, interpolate, listed):
    found = problems(tmp_path, f"version: 1\nsource: {{path: n}}\ninterpolate: {interpolate}\n")
    assert len(found) == len(listed)
    for line, part in zip(found, listed, strict=True):
        assert line.startswith(f"interpolate{'' if part.startswith(':') else '.'}{part}")


@pytest.mark.parametrize("dp", ["{epsilon: 3}", "{delta: 0.1}", "{epsilon: 3, delta: 0.01, persons: 10}"])
def test_dp_section_requires_a_dp_method(tmp_path, dp):
    (found,) = problems(tmp_path, f"{MINIMAL}dp: {dp}\n")
    assert found.startswith("dp: ")


ROUND = "must be a lower bound with at most two significant digits, such as"
WHY = "because an exact number reveals something about the persons"


@pytest.mark.parametrize(
    ("delta", "persons", "listed"),
    [
        (3e-5, 3000, None),
        (4e-5, 3000, ["dp: `delta` must be at most 1 / (10 × `persons`) = 3.33e-05, but is 4e-05"]),
        (1e-5, 9, ["dp.persons: must be greater than or equal to 10, got 9"]),
        (1e-6, 1_500, None),
        (1e-6, 2_513, [f"dp.persons: {ROUND} 2500, {WHY}, got 2513"]),
        (1e-6, 101, [f"dp.persons: {ROUND} 100, {WHY}, got 101"]),
        (1e-9, 12_300_000, [f"dp.persons: {ROUND} 12000000, {WHY}, got 12300000"]),
    ],
)
def test_delta_is_limited_by_the_number_of_persons(delta, persons, listed):
    sections = PRIVATE | {"dp": {"epsilon": 2, "delta": delta, "persons": persons}}
    if listed is None:
        assert parse(**sections).dp.delta == delta
        return
    with pytest.raises(ConfigError) as refused:
        parse(**sections)
    assert list(refused.value.problems) == listed


def test_labels_are_unique_after_unicode_normalization(tmp_path):
    text = MINIMAL.replace("n.jsonl", 'n.jsonl, labels: [a, "caf\\u00e9", b, "cafe\\u0301", a]')
    assert problems(tmp_path, text) == ("source.labels: labels are listed twice: a, café",)


def test_repeated_keys_are_all_listed(tmp_path):
    text = MINIMAL + "seed: 1\nseed: 2\nversion: 1\nrelease: {name: a, name: b}\n"
    repeated = {5: "seed", 6: "version", 7: "name"}
    assert list(problems(tmp_path, text)) == [f"line {n}: the key '{key}' is repeated" for n, key in repeated.items()]


def test_yaml_beyond_plain_data_is_rejected(tmp_path):  # see tests/unit/audits/core/test_strictyaml.py
    assert problems(tmp_path, MINIMAL + "seed: &x 1")[0].startswith("line 4: anchors, aliases, tags and directives")
    assert load(tmp_path, "\ufeff" + MINIMAL + "policy: no\n").policy == "no"


def test_digest_depends_on_the_content_and_not_on_the_path(tmp_path):
    (tmp_path / "other").mkdir()
    one = load(tmp_path, MINIMAL)
    assert load(tmp_path / "other", MINIMAL + "seed: 0\n").digest() == one.digest()
    assert load(tmp_path, MINIMAL + "seed: 1\n").digest() != one.digest()


@pytest.mark.parametrize(
    ("key", "expected"),
    [("keys/releaser.pem", False), ("hsm:2?label=PO", True), ("awskms:alias/x", True), ("c:/key.pem", False)],
)
def test_key_uri_requires_its_public_part(key, expected):
    assert is_uri(key) is expected
    named = parse(release={"key": key, "public": "r.pub.json"}).release
    assert named.key_file == ("r.pub.json" if expected else key)
    if not expected:
        assert parse(release={"key": key}).release.key_file == key
        return
    with pytest.raises(ConfigError) as refused:
        parse(release={"key": key})
    assert "`public` is required if `key` is a URI" in refused.value.problems[0]


@pytest.mark.parametrize(
    ("interpolate", "listed"),
    [
        ("method: mixture, k_neighbors: 1", ["parents: with 3 parents, `k_neighbors` must be at least 2, not 1"]),
        ("method: mixture, parents: 7", ["parents: with 7 parents, `k_neighbors` must be at least 6, not 5, got 7"]),
        (
            "method: mixture, parents: 9, alpha: 0, max_exposure: 0",
            [
                "parents: with 9 parents, `k_neighbors` must be at least",
                "alpha: must be greater than 0",
                "max_exposure: must be greater than 0",
            ],
        ),
        ("method: mixture, k_neighbors: 0, parents: 7", ["k_neighbors: must be greater"]),
        ("method: mixture, parents: 51, max_exposure: 0.01", ["parents: must be less"]),
        (
            "method: mixture, parents: 4, max_exposure: 0.2",
            ["max_exposure: must be at least 1/4, because the largest of 4 weights is at least 1/4, got 0.2"],
        ),
        ("method: slerp, max_exposure: 0.4", ["max_exposure: must be at least 1/2"]),
        ("method: slerp, lambda_beta: [2, 0]", ["lambda_beta.1: must be"]),
        ("method: slerp, parents: 7", ["parents: is a key of mixture, not of the method slerp; remove it"]),
        (
            "method: smote, kind: 2, max_exposure: 3.5",
            [
                "kind: is a key of borderline-smote, not of the method smote; remove it, got 2",
                "max_exposure: is a key of mixture and slerp, not of the method smote; remove it, got 3.5",
            ],
        ),
    ],
)
def test_invalid_method_options_are_listed(tmp_path, interpolate, listed):
    found = problems(tmp_path, MINIMAL.replace("total: 10", f"total: 10, {interpolate}"))
    assert len(found) == len(listed)
    for line, part in zip(sorted(found), sorted(listed), strict=True):
        assert line.startswith(f"interpolate.{part}")


@pytest.mark.parametrize(
    "interpolate",
    [
        "method: mixture, k_neighbors: 2",
        "method: mixture, k_neighbors: 49, parents: 50, max_exposure: 0.02",
        "method: mixture, max_exposure: 0.34",
        "method: slerp, k_neighbors: 1, lambda_beta: [2, 0.5], max_exposure: 0.5",
        "k_neighbors: 1",
    ],
)
def test_valid_method_options_are_accepted(tmp_path, interpolate):
    load(tmp_path, MINIMAL.replace("total: 10", f"total: 10, {interpolate}")).interpolate.build()
    text = MINIMAL.replace("total: 10", "total: 10, method: mixture, alpha: 0.5, parents: 4")
    assert load(tmp_path, text).interpolate.build() == Mixture(alpha=0.5, parents=4)


def test_attribute_rules_survive_writing_and_reading(tmp_path):
    text = MINIMAL + "filter: {attributes: {'*': [{age: 40-60}, {sex: female, prefer: true}, {mentions: metformin}]}}"
    config = load(tmp_path, text)
    rules = [{"age": "40-60"}, {"sex": "female", "prefer": True}, {"mentions": "metformin"}]
    assert config.filter.model_dump(mode="json")["attributes"] == {"*": rules}
    assert load(tmp_path, config.model_dump_json()) == config


@pytest.mark.parametrize(
    ("words", "tokens"),
    [
        ([], 96),
        *(([n] * 50, t) for n, t in ((1, 16), (14, 24), (40, 48), (41, 56), (79, 96), (4000, 96))),
        ([40] * 199 + [4000], 48),  # a single long text among two hundred does not count
        ([40] * 49 + [4000], 48),  # nor among fifty
        ([10] * 186 + [40] * 14, 48),
    ],
)
def test_automatic_token_limit_follows_the_long_texts(words, tokens):
    texts = ["w " * n for n in words]
    assert parse().for_texts(texts).decode.token_limit == tokens
    assert parse(**PRIVATE).for_texts(texts).decode.token_limit == 96
    assert parse(segments={"words": 60}).for_texts(texts).decode.token_limit == 88  # 1.4 tokens per word
    assert parse(decode={"max_new_tokens": 200}).for_texts(texts).decode.token_limit == 200
    assert (
        parse().for_texts(["患者胸痛三天，无特殊病史。" * 9] * 40).decode.token_limit == 96
    )  # no spaces between words
    with pytest.raises(InternalError, match="not replaced"):
        _ = parse().decode.token_limit


@pytest.mark.parametrize(
    ("decode", "placed"),
    [
        *(({}, "cpu"), ({"device": "cuda"}, "cuda"), ({"device": "auto", "writer": "prompt"}, "auto")),
        *(({"writer": "xrag"}, "auto"), ({"writer": "xrag", "device": "cpu"}, "cpu")),
    ],
)
def test_placement_depends_on_device_and_bridge(decode, placed):
    assert parse(decode=decode).decode.placement == placed


@pytest.mark.parametrize(
    ("decode", "words", "is_prompted"),
    [
        *(({}, 0, False), ({"words": 4}, 4, False), ({"bridge": "words-of-ours"}, 0, False)),
        *(({"writer": "prompt", "bridge": bridge}, 10, True) for bridge in ("builtin", "models/x")),
        ({"writer": "prompt", "words": 3}, 3, True),
    ],
)
def test_number_of_prompt_words_depends_on_the_writer(decode, words, is_prompted):
    made = parse(decode=decode).decode
    assert (made.words, made.is_prompted) == (words, is_prompted)

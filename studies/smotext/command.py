"""`python -m studies smotext`: make synthetic records of public datasets, measure them, write tables and figures."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from os import sched_getaffinity
from pathlib import Path
from typing import Any

from studies.feature_augmentation.vectors import kept_vectors
from studies.smotext.protocol import BRIDGE, LABEL_ONLY, STYLE, EmbeddedDesign, SetDesign, SmotextProtocol
from studies.smotext.text_sets import SOURCES, TextSet, read_text_sets
from studies.smotext.trials import Bench, Job, missing_trials, run_trials, trial_paths
from studies.smotext.writing import Maker, bridge_decoder, label_only_decoder, missing_tokens, write_texts
from synthgen.core.digest import sha256_json
from synthgen.core.errors import StorageError
from synthgen.core.progress import Progress, duration_text
from synthgen.decode.config import DecodeConfig
from synthgen.embed import Encoder, build_encoder, with_ids
from synthgen.embed.config import EmbedConfig
from synthgen.models.store import digest_of, model_folder

# a small version that ends within minutes, to test the command; its results are not meaningful
QUICK = SmotextProtocol(
    seeds=2,
    real=40,
    synthetic=16,
    sizes=(8,),
    pool=150,
    test=60,
    neighbours=2,
    spare=1.5,
    tokens=12,
    batch=16,
    pairs=10,
    lambdas=(0.0, 0.5, 1.0),
)
QUICK_SETS = ("newsgroups20", "sst2")


@dataclass(frozen=True, slots=True, kw_only=True)
class SmotextRequest:
    """Options of the command; None selects the number of the protocol."""

    datasets: tuple[str, ...] | None  # names in `text_sets.SOURCES`
    data: Path | None  # folder of the datasets
    out: Path  # folder of all output
    bridge: str  # "builtin" or a folder; a bridge converts a vector to input of the language model
    seeds: int | None  # number of draws (random choices of the real train records)
    seed: int  # seed of every random choice
    real: int | None  # train records per draw
    synthetic: int | None  # records per variant
    quick: bool  # whether to use the small protocol

    def names(self) -> tuple[str, ...]:
        """Return the names of the datasets."""
        return self.datasets or (QUICK_SETS if self.quick else tuple(SOURCES))

    def protocol(self) -> SmotextProtocol:
        """Return the protocol with the numbers of the options."""
        base = QUICK if self.quick else SmotextProtocol()
        synthetic = base.synthetic if self.synthetic is None else self.synthetic
        return replace(
            base,
            seed=self.seed,
            seeds=base.seeds if self.seeds is None else self.seeds,
            real=base.real if self.real is None else self.real,
            synthetic=synthetic,
            sizes=tuple(n for n in base.sizes if n < synthetic),
        )

    def design(self) -> "StudyDesign":
        """Return the encoder, the decoders and the design for each dataset; this reads the datasets.

        Raises:
            DataError: if datasets are missing or invalid.
            ModelMissing, ModelError: if a model or bridge is missing or does not fit.
        """
        protocol = self.protocol()
        sets = read_text_sets(self.names(), self.data, protocol.pool, protocol.test, protocol.stream)
        if self.bridge != "builtin":  # the style adapters fit only the built-in bridge
            sets = [replace(s, source=replace(s.source, style=None)) for s in sets]
        folders = {name: model_folder(name) for name in (EmbedConfig().model, DecodeConfig().model)}
        encoder = build_encoder(EmbedConfig(), model_folder)
        return StudyDesign(
            encoder=encoder,
            makers=_makers(self.bridge, folders[DecodeConfig().model], encoder, sets),
            designs={s.name: SetDesign(text_set=s, protocol=protocol.of(s.source)) for s in sets},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyDesign:
    """The encoder, the decoders, and for each dataset the design (the experiment on it)."""

    encoder: Encoder
    makers: Mapping[str, Maker]  # decoders that write the texts, by name
    designs: Mapping[str, SetDesign]  # designs by name of their dataset

    def paths(self, out: Path) -> dict[Job, Path]:
        """Return every trial with the path of its result in the folder `out`; see `trial_paths`."""
        return trial_paths(self.designs, self.makers, self.encoder.digest, out)


def smotext(request: SmotextRequest, progress: Progress, say: Any) -> Path:
    """Run the missing trials, write the tables and figures, and return the path of the Markdown page.

    A trial measures one variant of synthetic records in one draw of one dataset. Decoded texts and finished trials
    stay in `request.out`, so an interrupted study continues. The texts of finished trials are not decoded again, and
    the vectors of a dataset are not computed if all its trials are finished.

    `say` is called with a sentence that estimates the run time.

    Raises:
        DataError, ModelMissing, ModelError: see `SmotextRequest.design`.
        StorageError: if the folder cannot be written.
        Interrupted: if a worker process was killed; run the same command again to continue.
    """
    from studies.smotext.figures import write_smotext_figures
    from studies.smotext.lambdas import write_lambdas
    from studies.smotext.tables import write_smotext_tables

    design = request.design()
    makers, encoder = design.makers, design.encoder
    places = {name: request.out / name for name in ("vectors", "texts", "trials")}
    try:
        for folder in places.values():
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        hint = "Choose another --out."
        raise StorageError(f"{request.out}: cannot be written ({error.strerror})", hint=hint) from error
    paths = design.paths(places["trials"])
    lacking = [design.designs[name] for name in dict.fromkeys(dataset for dataset, _, _ in missing_trials(paths))]
    bench = Bench(
        designs={d.text_set.name: _embedded(d, encoder, places["vectors"], progress) for d in lacking},
        makers=makers,
        texts=places["texts"],
        encoder=partial(build_encoder, EmbedConfig(), model_folder),
    )
    writings = bench.writings(paths)
    say(_estimate(sum(w.texts for w in writings), missing_tokens(writings, makers, places["texts"])))
    write_texts(writings, makers, places["texts"], progress)
    measures, lambdas = run_trials(bench, paths, progress)
    write_smotext_tables(measures, lambdas, _meta(request, design), request.out)
    with progress.stage("figures", total=1 + len(lambdas), unit="figures") as advance:
        write_smotext_figures(measures, request.out)
        advance(1)
        for name, rows in lambdas.items():
            write_lambdas(rows, request.out, f"lambdas-{name}")
            advance(1)
    return request.out / "results.md"


def _embedded(design: SetDesign, encoder: Encoder, folder: Path, progress: Progress) -> EmbeddedDesign:
    s = design.text_set
    pool = kept_vectors(f"{s.name}-pool", s.pool.texts, encoder, folder, progress)
    test = kept_vectors(f"{s.name}-test", s.test.texts, encoder, folder, progress)
    return EmbeddedDesign(text_set=s, protocol=design.protocol, pool=with_ids(s.pool, pool, encoder), test=test)


def _makers(bridge: str, folder: Path, encoder: Encoder, sets: list[TextSet]) -> dict[str, Maker]:
    """Return the decoders by name.

    The decoder with the bridge serves all datasets. Each dataset also has a decoder that gets a prompt with the label
    instead of a vector. A dataset with a style adapter also has a decoder with the bridge and the adapter.
    """
    from synthgen.decode.bridge import load_bridge
    from synthgen.decode.style_adapter import load_style

    name, digest = DecodeConfig().model, digest_of(folder)
    if bridge != "builtin":
        bridge = str(Path(bridge).expanduser().resolve())
    shown = partial(bridge_decoder, folder, bridge, name, encoder.name, encoder.dim)
    makers = {BRIDGE: Maker(open=shown, digest=sha256_json([digest, load_bridge(bridge).digest]))}
    for s in sets:
        if (style := s.source.style) is not None:
            digests = [makers[BRIDGE].digest, load_style(style, Path).digest]
            open_decoder = partial(shown, style=style)
            makers[f"{STYLE}-{s.name}"] = Maker(open=open_decoder, digest=sha256_json(digests))
        decoder = partial(label_only_decoder, folder, name, s.source.label_prompt)
        makers[f"{LABEL_ONLY}-{s.name}"] = Maker(open=decoder, digest=sha256_json([digest, s.source.label_prompt]))
    return makers


def _estimate(texts: int, tokens: int) -> str:
    from synthgen.decode.loading import backend_of
    from synthgen.plan.estimated_time import tokens_per_second

    cores = len(sched_getaffinity(0))
    rate = tokens_per_second(backend_of("cpu"))
    wait = duration_text(tokens / (rate * cores))
    return (
        f"{texts:,d} texts; at most {tokens:,d} tokens are still to be written, about {wait} at "
        f"{rate:.0f} tokens/s on each of {cores} cores; the measurements take additional time"
    )


def _meta(request: SmotextRequest, design: StudyDesign) -> dict[str, Any]:
    protocol = request.protocol()
    return {
        "encoder": design.encoder.name,
        "encoder sha256": design.encoder.digest,
        "bridge": request.bridge,
        "language model and bridge sha256": design.makers[BRIDGE].digest,
        "quick": request.quick,
        "seeds": protocol.seeds,
        "seed": protocol.seed,
        "real records of a seed, at most four fifths of a set": protocol.real,
        "SMOTE k": protocol.neighbours,
        "datasets": {
            name: {
                "real records to draw from": len(d.text_set.pool),
                "test records": len(d.text_set.test),
                "classes, and their words in the prompt": [f"{c}: {w}" for c, w in d.text_set.source.words.items()],
                "prompt of label-only": d.text_set.source.label_prompt,
                "style adapter": d.text_set.source.style or "none",
                "seeds with the adapter": sum(STYLE in d.variants(seed) for seed in range(protocol.seeds)),
                "synthetic records": d.protocol.synthetic,
                "largest number of tokens of a text": d.protocol.tokens or d.text_set.source.max_new_tokens,
            }
            for name, d in design.designs.items()
        },
    }

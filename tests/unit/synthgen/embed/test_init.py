import numpy as np
import pytest

from synthgen.core.errors import InternalError, ModelError
from synthgen.core.types import Corpus, Record
from synthgen.embed import build_encoder, with_ids
from synthgen.embed.config import EmbedConfig
from synthgen.embed.last_token import LastTokenEncoder


def test_build_encoder_returns_last_token_encoder_for_mistral(mistral_folder):
    encoder = build_encoder(EmbedConfig(model="some/sfr"), lambda name: {"some/sfr": mistral_folder}[name])
    assert isinstance(encoder, LastTokenEncoder)
    assert (encoder.name, encoder.dim, encoder.normalized) == ("some/sfr", 24, True)
    corpus = Corpus(
        role="train",
        records=tuple(
            Record(id=i, text=t, label=c, group=g)
            for i, t, c, g in zip("12", ("cough", "goal"), "ab", "pq", strict=True)
        ),
        has_groups=True,
    )
    x = with_ids(corpus, encoder.encode(corpus.texts), encoder)
    assert (x.ids, x.labels, x.groups, x.vectors.shape) == (("1", "2"), ("a", "b"), ("p", "q"), (2, 24))
    with pytest.raises(InternalError, match="the numbers of vectors, ids, labels and persons differ"):
        with_ids(corpus, np.ones((3, 4), dtype=np.float32), encoder)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "cannot be read as JSON"),
        ("{", "cannot be read as JSON"),
        ("[]", "`model_type` is missing"),
        ("{}", "`model_type` is missing"),
    ],
)
def test_build_encoder_rejects_folder_without_model_type(tmp_path, content, fault):
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(ModelError, match=fault):
        build_encoder(EmbedConfig(), lambda _: tmp_path)

"""What `embed` can say."""

from synthgen.core.section import Section


class EmbedConfig(Section):
    """The encoder, by its name in the model store or a local folder."""

    model: str = "minilm"

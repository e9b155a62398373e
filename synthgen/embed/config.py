"""Define the `embed` section of the configuration."""

from pydantic import Field

from synthgen.core.section import Section


class EmbedConfig(Section):
    """The text encoder."""

    model: str = Field(
        "minilm",
        description="Encoder of the records: the name of a model in the store, or the path of a local model folder. "
        "`decode.bridge`, or `decode.model` with `writer: xrag`, must be made for this encoder.",
    )

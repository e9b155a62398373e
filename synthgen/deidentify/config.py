"""What `deidentify` can say."""

from typing import Literal

from synthgen.core.section import Section


class DeidentifyConfig(Section):
    """What happens to identifiers before anything else sees the text."""

    engine: Literal["rules", "presidio", "off"] = "rules"

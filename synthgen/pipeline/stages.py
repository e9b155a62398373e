"""List all stages that run.json can name, to compare a stored run with the installed program."""

from synthgen.core.stage import Stage
from synthgen.decode.stage import DECODE
from synthgen.deidentify.stage import DEIDENTIFY
from synthgen.dp.measure import MEASURE_STAGE
from synthgen.dp.reserve import RESERVE_STAGE
from synthgen.embed.stage import EMBED, EMBED_CANDIDATES, EMBED_CONTROL
from synthgen.evaluate.stage import EVALUATE
from synthgen.filter.stage import FILTER
from synthgen.interpolate.stage import INTERPOLATE
from synthgen.load.stage import LOAD
from synthgen.pipeline.judge import AUDIT_STAGE, SELFTEST_STAGE
from synthgen.pipeline.record import RunRecord
from synthgen.pipeline.style_choice import STYLE
from synthgen.split.stage import SPLIT

_PREPARING = (LOAD, SPLIT, RESERVE_STAGE, DEIDENTIFY, EMBED, MEASURE_STAGE, STYLE)
_WRITING = (INTERPOLATE, DECODE, EMBED_CANDIDATES, FILTER)
_JUDGING = (EMBED_CONTROL, EVALUATE, AUDIT_STAGE, SELFTEST_STAGE)
ALL: dict[str, Stage] = {stage.name: stage for stage in _PREPARING + _WRITING + _JUDGING}


def changed_stages(record: RunRecord) -> list[str]:
    """Return the stages of a stored run that another version of the program or of a library computed."""
    codes = {name: stage.code_digest for name, stage in ALL.items()}
    return [stage.name for stage in record.stages if codes.get(stage.base_name) != stage.code]

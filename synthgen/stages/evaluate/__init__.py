"""Whether synthetic records train classifiers like real ones."""

from synthgen.stages.evaluate.evaluation import Evaluation, Tables, evaluate, tv_distance

__all__ = ["Evaluation", "Tables", "evaluate", "tv_distance"]

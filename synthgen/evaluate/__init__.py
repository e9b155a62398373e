"""Whether synthetic records train classifiers like real ones."""

from synthgen.evaluate.evaluation import Evaluation, Tables, evaluate, tv_distance

__all__ = ["Evaluation", "Tables", "evaluate", "tv_distance"]

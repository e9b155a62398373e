"""Measure whether classifiers trained on synthetic records predict as well as classifiers trained on real records."""

from synthgen.evaluate.evaluation import Evaluation, Tables, evaluate, tv_distance

__all__ = ["Evaluation", "Tables", "evaluate", "tv_distance"]

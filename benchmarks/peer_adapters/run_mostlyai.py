"""Run mostlyai-qa: its report on the texts with their class, and its report on the columns computed from the texts.

A report compares the synthetic table with a training and a holdout table. According to the documentation, a result is
a leak if the share of synthetic rows closer to training than to holdout is above one half by more than chance, or if
more rows are identical to a training row than to a holdout row. The share is the largest over several groups of
columns; the documentation describes no correction for this choice, so this adapter makes no correction. The library
treats all texts that occur in neither table as the same rare value, so in a column of texts it detects only exact
copies. The embedding model of the library is part of the package.
"""

import tempfile
from pathlib import Path

from mostlyai import qa
from request import NotApplicableError, answer, more_than_half, read_request
from scipy.stats import fisher_exact


def report(*kinds):
    def part(given):
        columns = ["text", *given.about["class"]] if kinds == ("text",) else given.columns(*kinds)
        with tempfile.TemporaryDirectory() as folder:
            _, metrics = qa.report(
                syn_tgt_data=given.synthetic[columns],
                trn_tgt_data=given.train[columns],
                hol_tgt_data=given.control[columns],
                report_path=Path(folder) / "report.html",
            )
        if metrics is None:  # the tables have fewer rows than the library needs
            raise NotApplicableError
        found, n = metrics.distances, min(len(given.synthetic), len(given.train), len(given.control))
        same = [round(share * n) for share in (found.ims_training, found.ims_holdout)]
        identical = fisher_exact([[k, n - k] for k in same], alternative="greater").pvalue < 0.05
        numbers = {"dcr_share": found.dcr_share, "identical": found.ims_training, "by_chance": found.ims_holdout}
        return bool(identical or more_than_half(found.dcr_share, n)), numbers

    return part


def main():
    answer(read_request(), text=report("text"), numbers=report("numbers", "categories"))


if __name__ == "__main__":
    main()

"""Run SDMetrics: its privacy metrics on the columns computed from the texts, and NewRowSynthesis on the texts.

The documentation of the metrics states no limits, so each metric is interpreted in favour of the library.
DCROverfittingProtection counts as a leak if the share of synthetic rows closer to train than to control (validation
data) is above one half by more than chance; if its raw score were used, every second clean release would count as a
leak. NewRowSynthesis counts as a leak if a row is a copy of a train text, which does not happen by chance with text.
DisclosureProtection does not use control, so its score measures how well the fields of a release predict each other,
even in a clean release. The score is shown but gives no verdict.
"""

from request import NotApplicableError, answer, more_than_half, read_request
from sdmetrics.single_table import DCROverfittingProtection, DisclosureProtection, NewRowSynthesis

TABLE = "records"


def metadata(given, *, text):
    columns = (
        {"text": {"sdtype": "categorical"}}
        if text
        else {
            **{name: {"sdtype": "categorical"} for name in given.columns("categories")},
            **{name: {"sdtype": "numerical"} for name in given.columns("numbers")},
        }
    )
    return {"tables": {TABLE: {"columns": columns}}}, list(columns)


def overfitting(given):
    described, columns = metadata(given, text=False)
    found = DCROverfittingProtection.compute_breakdown(
        real_training_data=given.train[columns],
        synthetic_data=given.synthetic[columns],
        real_validation_data=given.control[columns],
        metadata=described,
        table_name=TABLE,
    )
    share = found["synthetic_data_percentages"]["closer_to_training"]
    return more_than_half(share, len(given.synthetic)), {"score": found["score"], "closer_to_training": share}


def disclosure(given):
    known = [name for name in given.columns("known") if name in given.columns("categories")]
    secret = [name for name in given.columns("secret") if name not in known]
    if not known or not secret:
        raise NotApplicableError
    found = DisclosureProtection.compute_breakdown(
        real_data=given.train[[*known, *secret]],
        synthetic_data=given.synthetic[[*known, *secret]],
        known_column_names=known,
        sensitive_column_names=secret,
    )
    return None, {"score": found["score"]}


def new_rows(given):
    described, columns = metadata(given, text=True)
    found = NewRowSynthesis.compute_breakdown(
        real_data=given.train[columns], synthetic_data=given.synthetic[columns], metadata=described, table_name=TABLE
    )
    return found["num_matched_rows"] > 0, {"score": found["score"]}


def main():
    answer(read_request(), overfitting=overfitting, disclosure=disclosure, new_rows=new_rows)


if __name__ == "__main__":
    main()

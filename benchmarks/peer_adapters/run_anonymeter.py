"""Run anonymeter: linkability of the halves of a record, inference of each secret field, and singling out.

anonymeter is made for tables, so it gets the fields that were extracted from each text, and the vector of the text in
few dimensions; singling out is also run with the text as the only column. The risk that anonymeter reports is the
success of an attack on train beyond its success on control. According to the documentation of anonymeter, a result is
a leak if the interval of the risk is above 0 and the attack is better than its own random baseline. The confidence of
each interval is set to 1 - .05 / (number of attacks). With the default of 95 %, a dozen attacks would call one clean
release in four a leak.
"""

from anonymeter.evaluators import InferenceEvaluator, LinkabilityEvaluator, SinglingOutEvaluator
from request import NotApplicableError, answer, read_request

OTHER_ATTACKS = 4  # number of attacks in addition to the inference of each secret field


def tables(given, columns):
    return {
        "ori": given.train[columns],
        "syn": given.synthetic[columns],
        "control": given.control[columns],
        "n_attacks": given.about["attacks"],
    }


def read(evaluator, given):
    confidence = 1 - 0.05 / (OTHER_ATTACKS + len(given.columns("secret")))
    results, risk = evaluator.results(confidence), evaluator.risk(confidence)
    beats_baseline = results.attack_rate.value > results.baseline_rate.value
    caught = bool(beats_baseline and risk.ci[0] > 0)
    return caught, {"risk": risk.value, "low": risk.ci[0], "high": risk.ci[1]}


def linkability(given):
    halves = given.columns("first"), given.columns("second")
    return read(LinkabilityEvaluator(**tables(given, [*halves[0], *halves[1]]), aux_cols=halves).evaluate(), given)


def inference(secret):
    def part(given):
        known = [name for name in given.columns("known") if name != secret]
        evaluator = InferenceEvaluator(**tables(given, [*known, secret]), aux_cols=known, secret=secret)
        return read(evaluator.evaluate(), given)

    return part


def singling_out(mode, *kinds):
    def part(given):
        columns = ["text"] if kinds == ("text",) else given.columns(*kinds)
        if mode == "multivariate" and len(columns) < 3:
            raise NotApplicableError
        given_tables = tables(given, columns)
        return read(SinglingOutEvaluator(**given_tables, seed=given.about["seed"]).evaluate(mode=mode), given)

    return part


def main():
    given = read_request()
    answer(
        given,
        linkability=linkability,
        **{f"inference_{name}": inference(name) for name in given.columns("secret")},
        singling_out=singling_out("univariate", "categories", "numbers"),
        singling_out_several=singling_out("multivariate", "categories", "numbers"),
        singling_out_text=singling_out("univariate", "text"),
    )


if __name__ == "__main__":
    main()

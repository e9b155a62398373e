"""`audits selftest`: exit codes, the table or JSON on stdout."""

import csv
import json

import pytest
import typer
from typer.testing import CliRunner

from audits.cli.selftest import selftest
from audits.core.errors import InputError
from audits.selftest import run_suite as module
from audits.selftest.cases import CASES

app = typer.Typer()
app.command()(selftest)


@pytest.fixture(scope="module")
def files(people, tmp_path_factory):
    folder = tmp_path_factory.mktemp("selftest")
    paths = {}
    for name, table in (("train", people(25, seed=1, prefix="t")), ("control", people(61, seed=2, prefix="h"))):
        paths[name] = folder / f"{name}.csv"
        with paths[name].open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "group"])
            writer.writerows(zip(table.texts, table.groups, strict=True))
    return ["--train", str(paths["train"]), "--control", str(paths["control"])]


@pytest.fixture
def one_case(monkeypatch):
    def keep(name):
        monkeypatch.setattr(module, "CASES", [r for r in CASES if r.name == name])

    return keep


def test_exit_0_if_every_case_is_right(files, one_case):
    one_case("verbatim")
    done = CliRunner().invoke(app, [*files, "--only", "memorization,identifiers", "--json"])
    assert done.exit_code == 0, done.output
    value = json.loads(done.stdout)
    assert value["audits"] == ["memorization", "identifiers"]
    assert value["is_right"]
    assert ": passed" in done.stderr
    assert "verbatim" in done.stderr


def test_exit_4_with_too_few_persons(files, one_case):
    one_case("fresh_people")
    done = CliRunner().invoke(app, [*files, "--only", "memorization", "--seed", "3"])
    assert done.exit_code == 4
    assert "self-test not passed: memorization has too few persons" in done.stdout
    assert done.stdout.strip().endswith(": not passed")


def test_a_missing_group_column_and_an_unknown_audit_are_rejected(files, one_case):
    one_case("verbatim")
    assert CliRunner().invoke(app, [*files, "--only", "memorization"]).exit_code == 0
    for wrong in (["--only", "memorization", "--group", "nobody"], ["--only", "smell"]):
        assert isinstance(CliRunner().invoke(app, [*files, *wrong]).exception, InputError)


def test_an_unusable_output_folder_is_rejected_before_the_run(files, one_case, tmp_path):
    one_case("verbatim")
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "out"):
        done = CliRunner().invoke(app, [*files, "--only", "memorization", "--out", str(out)])
        assert isinstance(done.exception, InputError)
        assert "cannot be created" in str(done.exception)
        assert "memorization" not in done.output


def test_the_help_explains_when_the_self_test_is_not_passed():
    value = " ".join(CliRunner().invoke(app, ["--help"]).output.split())
    assert "self-test is not passed if an audit gives a wrong verdict" in value

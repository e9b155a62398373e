import stat

import pytest

from audits.core.errors import InputError
from synthgen.config import Config
from synthgen.core.files import write_json
from synthgen.core.progress import silent
from synthgen.core.seeds import SeedTree
from synthgen.pipeline.job import Job
from synthgen.pipeline.secret import SECRET_DIGEST, run_secret, secret_digest
from synthgen.pipeline.workspace import Workspace


def job_in(tmp_path, **changes):
    given = {"version": 1, "seed": 11, "source": {"path": "n.jsonl"}, "interpolate": {"total": 9}, **changes}
    config = Config.parse(given, base=str(tmp_path))
    return Job(config, Workspace(config.resolve(config.workspace)), silent)


def test_the_secret_is_created_once_and_is_the_root_of_every_stream(tmp_path):
    first, again, other = job_in(tmp_path), job_in(tmp_path), job_in(tmp_path, workspace="./other")
    key = first.seeds.child("split").key()
    assert again.seeds.child("split").key() == key
    assert key not in (other.seeds.child("split").key(), SeedTree(11).child("split").key())
    file = tmp_path / "ws" / "secret.key"
    assert (len(file.read_bytes()), stat.S_IMODE(file.stat().st_mode)) == (32, 0o600)
    assert job_in(tmp_path, seed=12).seeds.key() != first.seeds.key()
    (tmp_path / "other" / "secret.key").write_bytes(file.read_bytes())
    assert other.seeds == first.seeds


@pytest.mark.parametrize(("data", "mode"), [(b"", 0o600), (b"x" * 31, 0o600), (b"x" * 33, 0o600), (b"x" * 32, 0o644)])
def test_an_invalid_secret_raises_an_error_and_is_not_replaced(tmp_path, data, mode):
    job = job_in(tmp_path)
    file = tmp_path / "ws" / "secret.key"
    file.write_bytes(data)
    file.chmod(mode)
    with pytest.raises(InputError, match=r"the secret .* cannot be used"):
        _ = job.seeds
    assert file.read_bytes() == data


def test_a_public_secret_is_empty_and_creates_no_file(tmp_path):
    job = job_in(tmp_path, secret="public")
    assert job.seeds == SeedTree(11)
    assert not (tmp_path / "ws" / "secret.key").exists()


def test_a_rerun_has_its_own_streams_below_those_of_the_run(tmp_path):
    job = job_in(tmp_path)
    root = job.seeds.child("shadow", "3")
    again = Job(job.config, Workspace(tmp_path / "rerun"), silent, root=root)
    assert again.seeds.child("split") == job.seeds.child("shadow", "3", "split")


def test_a_secret_with_which_a_budget_was_reserved_must_stay_the_same(tmp_path):
    job = job_in(tmp_path)
    digest = secret_digest(job.config, job.workspace)
    file, reserved = tmp_path / "ws" / "secret.key", tmp_path / "ws" / "stages" / "reserve-1"
    reserved.mkdir(parents=True)
    write_json(reserved / "run.json", {SECRET_DIGEST: digest})
    secret = file.read_bytes()
    assert run_secret(job.config, job.workspace) == secret
    file.write_bytes(bytes(32))
    with pytest.raises(InputError, match="differs from the secret with which a privacy budget was reserved") as other:
        run_secret(job.config, job.workspace)
    file.unlink()
    with pytest.raises(InputError, match="is missing, but a privacy budget was reserved with this secret") as missing:
        run_secret(job.config, job.workspace)
    assert other.value.problems == missing.value.problems == ("reservation: stages/reserve-1",)
    assert not file.exists()
    write_json(reserved / "run.json", {SECRET_DIGEST: "public"})
    assert run_secret(job.config, job.workspace) != secret

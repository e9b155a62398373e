import pytest


@pytest.fixture
def in_this_process(monkeypatch):
    """Return a function that lets a module run its jobs in this process, so that a test can count and stop them."""

    def install(module, state, made, stop_after=999):
        def run(jobs, job_of, finished, *, start, given):
            if jobs:
                start(*given)
            for k, job in enumerate(jobs):
                if k == stop_after:
                    raise SystemExit(7)
                made.append(job)
                finished(job, job_of(job))

        monkeypatch.setattr(module, "in_processes", run)
        monkeypatch.setattr(module, state, {})

    return install

"""Compare our audits with other libraries that evaluate synthetic data: detected leaks and run time.

    python benchmarks/peers.py [--corpora newsgroups20,clinic] [--persons 1500] [--seed 0] [--only PEERS]
        [--cases CASES] [--limit SECONDS] [--work FOLDER] [--markdown FILE] [--quick]

The cases of the calibration suite (`audits selftest`) are releases with a known leak, and clean releases. For each
case, every other library (peer) evaluates the same release as our audits. Each peer has a virtual environment with
pinned versions, created once under the work folder. A small adapter (`benchmarks/peer_adapters`) calls the peer and
interprets its numbers as the peer's documentation describes. No peer is made for text, so each also gets columns
computed from the texts; see `peer_tables.py`. If a peer cannot be installed, crashes, exceeds the time limit or
returns no result, its table cell states this, and the other peers continue.

The output is a table of cases, followed by the disagreements between peers and audits. If a peer detects a leak and
our audits pass the release, this is a defect of our audits. If a peer stops a clean release, this is not a defect of
our audits. Results are kept in the work folder, so an interrupted run continues; failed calls are repeated.
"""

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.append(str(Path(__file__).parent))  # needed if a test loads this file

from calibration import CONFIDENCE, CORPORA, People, code_digest, kept, rows_of
from peer_tables import write_tables

from audits.core.errors import NotMeasurable
from audits.core.streams import stream
from audits.selftest.cases import CASES, JUDGED
from audits.selftest.run_suite import case_json, run_case

ADAPTERS = Path(__file__).parent / "peer_adapters"
TABLES = Path(__file__).parent / "peer_tables.py"


@dataclass(frozen=True)
class Peer:
    """A library, the adapter that calls it, and the pinned packages of its environment.

    Without pinned packages, the adapter runs in the environment of this program.
    """

    title: str
    adapter: Path
    pins: tuple = ()


PEERS = {
    "anonymeter": Peer(
        "anonymeter 1.1.0",
        ADAPTERS / "run_anonymeter.py",
        ("anonymeter==1.1.0", "pandas==3.0.6", "polars==2.1.0", "pyarrow==21.0.0", "scikit-learn==1.9.1"),
    ),
    "sdmetrics": Peer(
        "SDMetrics 0.32.0",
        ADAPTERS / "run_sdmetrics.py",
        ("sdmetrics==0.32.0", "pandas==2.3.3", "pyarrow==26.0.1", "scikit-learn==1.9.1"),
    ),
    "mostlyai-qa": Peer(
        "mostlyai-qa 1.10.11",
        ADAPTERS / "run_mostlyai.py",
        # torch without a build tag, so that pip takes a CPU build if the index has one
        ("torch==2.13.0", "mostlyai-qa==1.10.11", "pandas==3.1.1", "pyarrow==26.0.1", "scikit-learn==1.9.1"),
    ),
}
FLOOR = {"exact copies": Peer("exact copies", ADAPTERS / "exact_copies.py")}  # baseline; see --only and --quick
NOT_HERE = (
    "Three libraries are not compared. synthcity 0.2.12 requires torch below 2.3 and, for two metrics, thirty "
    "packages of generators with gigabytes of files. TAPAS is not on the package index, and it runs the generator "
    "many times. The evaluation of NeMo Safe Synthesizer is part of its generator."
)
INSTALL_LIMIT_S = 1800
VERDICTS = ("caught", "passed", "not applicable", "error")
CLEAN = ("must_pass", "seldom_fail")  # demands on the audits in cases whose release is clean
WORDS = {"fail": "caught", "pass": "passed", "insufficient": "unsure"}  # the verdicts of our audits in the table


class NotInstalledError(Exception):
    """The environment of a peer could not be created."""


def environment(peer, work):
    """Return the path of the Python interpreter of the peer's environment, which is created if it does not exist.

    Raises:
        NotInstalledError: if the environment cannot be created within `INSTALL_LIMIT_S` seconds. The message is the
            last line of the error output, or names the time limit.
    """
    if not peer.pins:
        return sys.executable
    name = hashlib.sha256("\n".join([sys.version, *peer.pins]).encode()).hexdigest()[:12]
    folder = work / "environments" / f"{peer.adapter.stem}-{name}"
    python = folder / "bin" / "python"
    if (folder / "installed").is_file():
        return str(python)
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *peer.pins]
    for command in ([sys.executable, "-m", "venv", "--clear", str(folder)], pip):
        code, _, errors = run(command, INSTALL_LIMIT_S)
        if code is None:
            raise NotInstalledError(f"installing took over {INSTALL_LIMIT_S} s")
        if code != 0:
            raise NotInstalledError(lines_of(errors)[-1][:160])
    (folder / "installed").write_text("\n".join(peer.pins), encoding="utf-8")
    return str(python)


def run(command, limit):
    """Run a command, and return its exit code, output and error output.

    After `limit` seconds, the command and its child processes are killed, and the exit code is None.
    """
    surroundings = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "PYTHONHOME"}}
    process = subprocess.Popen(  # noqa: S603 - fixed arguments
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=surroundings | {"PYTHONNOUSERSITE": "1"},
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return None, "", ""
    return process.returncode, output, errors


def lines_of(text):
    return [line.strip() for line in text.splitlines() if line.strip()] or ["no output"]


def result_of(peer, python, folder, limit, log):
    """Run the peer on the tables in `folder`, and return its result; the file `log` gets the peer's error output."""
    started = time.monotonic()
    code, output, errors = run([python, str(peer.adapter), str(folder)], limit)
    seconds = time.monotonic() - started
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(errors, encoding="utf-8")
    if code is None:
        return failed(f"took over {limit:g} s", seconds)
    if code != 0:
        fetches = any(word in errors for word in ("ConnectionError", "huggingface", "Max retries", "URLError"))
        why = "tried to use the network" if fetches else lines_of(errors)[-1].split(":")[0]
        return failed(f"exit code {code}, {why}", seconds)
    try:
        found = json.loads(lines_of(output)[-1])
        numbers = {str(k): float(v) for k, v in found["numbers"].items()}
        answer = {"verdict": found["verdict"], "says": found["says"], "numbers": numbers, "seconds": seconds}
    except (ValueError, TypeError, LookupError, AttributeError):
        return failed("its output is not a result", seconds)
    if answer["verdict"] not in VERDICTS or not isinstance(answer["says"], str):
        return failed("its output is not a result", seconds)
    return answer


def failed(why, seconds):
    return {"verdict": "error", "says": why, "numbers": {}, "seconds": seconds}


def ours(case, casts, seed):
    """Run our audits on one release of the case, and return the result in the same form as a peer's result."""
    step = case_json(run_case(replace(case, repeats=1), casts, JUDGED, seed=seed, confidence=CONFIDENCE))
    verdicts = {audit: WORDS[next(iter(cell["verdicts"]))] for audit, cell in step["audits"].items()}
    overall = next(v for v in ("caught", "unsure", "passed") if v in verdicts.values())
    says = ", ".join(a for a, v in verdicts.items() if v == overall) if overall != "passed" else ""
    return {"verdict": overall, "says": says, "numbers": {}, "seconds": step["seconds"]}


def side_by_side(args, corpus):
    loaded = []

    def rows():
        if not loaded:
            loaded.extend(rows_of(corpus, args.persons))
        return loaded

    people = People(corpus, rows, args, f"peers/{args.seed}", 1)
    found = {}
    for case in args.cases:
        folder = args.work / "answers" / args.digest / corpus / case.name
        here = {"ours": kept(folder / "ours.json", args.setting, lambda r=case: ours(r, people()[0], args.seed))}
        said(corpus, case, "ours", here["ours"])
        with tempfile.TemporaryDirectory() as written:
            for name, peer in args.peers.items():
                here[name] = peer_on(args, peer, case, people, folder, Path(written))
                said(corpus, case, name, here[name])
        found[case.name] = here
    return found


def peer_on(args, peer, case, people, folder, written):
    """Return the stored result of the peer on the case, or compute it and, unless it is an error, store it."""
    path = folder / f"{peer.adapter.stem}.json"
    setting = args.setting | {"pins": list(peer.pins), "adapter": digest_of(peer.adapter)}
    if path.is_file() and json.loads(path.read_text(encoding="utf-8"))["setting"] == setting:
        return kept(path, setting, None)
    try:
        python = environment(peer, args.work)
        if not (written / "about.json").is_file():
            inputs = case.make(people()[0][0], stream(args.seed, f"selftest/{case.name}/0"))
            write_tables(inputs, written, case.name, args.seed)
    except NotInstalledError as error:
        return failed(f"cannot be installed: {error}", 0.0)
    except NotMeasurable as error:
        return {"verdict": "not applicable", "says": error.message, "numbers": {}, "seconds": 0.0}
    answer = result_of(peer, python, written, args.limit, path.with_suffix(".log"))
    if answer["verdict"] != "error":
        path.unlink(missing_ok=True)
        kept(path, setting, lambda: answer)
    return answer


def digest_of(adapter):
    shared = adapter.parent / "request.py"
    parts = [p.read_bytes() for p in (adapter, shared) if p.is_file()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def said(corpus, case, name, answer):
    print(f"{corpus} {case.name} {name}: {shown(answer)}; {answer['seconds']:.0f} s", file=sys.stderr)


def shown(answer):
    return f"{answer['verdict']}: {answer['says']}" if answer["says"] else answer["verdict"]


def disagreements(found, peers):
    """Return one line per disagreement between peers and our audits, and per library that stops clean releases.

    If a peer also stops clean releases, the leaks that it detects are not counted against our audits.
    """
    clean = {case.name for case in CASES if {case.demand(audit) for audit in JUDGED} & set(CLEAN)}
    titles = {"ours": "ours", **{name: peer.title for name, peer in peers.items()}}
    stopped = {name: [r for r in found if r in clean and found[r][name]["verdict"] == "caught"] for name in titles}
    lines = [
        f"{titles[name]} also stops clean releases ({', '.join(cases)}), so its other catches are weak evidence."
        for name, cases in stopped.items()
        if cases
    ]
    for case, here in found.items():
        if case in clean:
            continue
        mine = here["ours"]["verdict"]
        catch = [name for name in peers if here[name]["verdict"] == "caught"]
        sound = [titles[name] for name in catch if not stopped[name]]
        if sound and mine == "passed":
            lines.append(f"{case}: caught by {', '.join(sound)}, passed by ours, which is a defect of our audits.")
        elif sound and mine == "unsure":
            lines.append(
                f"{case}: caught by {', '.join(sound)}, unsure by ours, which is not a pass but should be examined."
            )
        elif mine == "caught" and not sound and any(here[name]["verdict"] == "passed" for name in peers):
            unsound = ", ".join(titles[name] for name in catch)
            but = f"; caught by {unsound}, which also stops clean releases" if catch else ""
            lines.append(f"{case}: caught by ours ({here['ours']['says']}), passed by the peers{but}.")
    return lines or ["None."]


def written_out(args, found):
    titles = ["ours", *(peer.title for peer in args.peers.values())]
    lines = [
        "# Comparison of the audits with other libraries",
        "",
        (
            f"There is one release per case of the [calibration](audit-calibration.md), with seed {args.seed} and at "
            f"most {args.persons:,} persons per corpus. *caught*: the named audits or metrics stop the release. "
            "*passed*: none of them stops it. *unsure*: our audits gave the verdict `insufficient`, which is not a "
            "pass. Seconds are wall-clock time; for the other libraries, they include the start of the library."
        ),
    ]
    for corpus, steps in found.items():
        lines += ["", f"## {corpus}", "", row(["case", *titles]), "|" + "---|" * (1 + len(titles))]
        for case, here in steps.items():
            cells = [f"{shown(here[n])} ({here[n]['seconds']:.0f} s)" for n in ("ours", *args.peers)]
            lines.append(row([case, *cells]))
        total = [sum(here[n]["seconds"] for here in steps.values()) for n in ("ours", *args.peers)]
        lines.append(row(["seconds", *(f"{s:.0f}" for s in total)]))
        lines += ["", "Disagreements:", "", *(f"- {line}" for line in disagreements(steps, args.peers))]
        lines += ["", "The peers' own numbers:", ""]
        for name, peer in args.peers.items():
            for case, here in steps.items():
                numbers = ", ".join(f"{key} {value:.3g}" for key, value in here[name]["numbers"].items())
                lines.append(f"- {peer.title}, {case}: {numbers or 'none'}")
    return "\n".join([*lines, "", NOT_HERE]) + "\n"


def row(cells):
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


def arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpora", default="newsgroups20,clinic")
    parser.add_argument("--persons", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", metavar="PEER", help=f"peers to run, of {', '.join([*PEERS, *FLOOR])}")
    parser.add_argument("--cases", nargs="+", metavar="CASE")
    parser.add_argument("--limit", type=float, default=900, help="seconds a peer may take for one case")
    parser.add_argument("--work", type=Path, default=Path("build/peers"))
    parser.add_argument("--markdown", type=Path)
    parser.add_argument(
        "--quick", action="store_true", help="130 persons of the clinic, 2 cases, no package installed"
    )
    args = parser.parse_args(argv)
    args.corpora = args.corpora.split(",")
    if args.quick:
        args.corpora, args.persons = ["clinic"], 130
        args.only, args.cases = args.only or list(FLOOR), args.cases or ["verbatim", "fresh_people"]
    known = PEERS | FLOOR
    wanted = list(PEERS) if args.only is None else args.only
    of_cases = {case.name: case for case in CASES}
    chosen = list(of_cases) if args.cases is None else args.cases
    for what, given, there in (
        ("peers", wanted, known),
        ("cases", chosen, of_cases),
        ("corpora", args.corpora, CORPORA),
    ):
        unknown = sorted(set(given) - set(there))
        if unknown:
            parser.error(f"unknown {what}: {', '.join(unknown)}; there are {', '.join(there)}")
    if "SYNTHGEN_DATA" not in os.environ and set(args.corpora) - {"clinic"}:
        parser.error("set SYNTHGEN_DATA to the folder of the corpora; only the clinic needs no data")
    args.peers = {name: known[name] for name in wanted}
    args.cases = [of_cases[name] for name in chosen]
    args.work = args.work.absolute()
    args.setting = {"persons": args.persons, "seed": args.seed, "code": code_digest(), "tables": digest_of(TABLES)}
    args.digest = hashlib.sha256(json.dumps(args.setting).encode()).hexdigest()[:12]
    return args


def main(argv=None):
    args = arguments(argv)
    text = written_out(args, {corpus: side_by_side(args, corpus) for corpus in args.corpora})
    print(text)
    if args.markdown:
        args.markdown.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

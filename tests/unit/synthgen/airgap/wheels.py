"""Tiny wheels that stand in for synthgen and its packages."""

import zipfile

STAND_IN = """
import os, shutil, sys
from pathlib import Path

import tinydep


def main():
    store = Path(os.environ["SYNTHGEN_MODELS"])
    if sys.argv[1:3] == ["models", "import"]:
        os.umask(0o077)
        store.mkdir(exist_ok=True)
        shutil.copyfile(sys.argv[3], store / Path(sys.argv[3]).name)
    elif sys.argv[1:] == ["fail"]:
        sys.exit("told to fail")
    else:
        print("stand-in", store, sys.argv[1:])
"""
BROKEN = STAND_IN.replace('== ["models", "import"]', '== ["models", "import"] and sys.exit("the model is damaged")')


def write_wheel(folder, name, version, files, *, requires=(), entry_points="", tag="py3-none-any"):
    """Write a wheel and return it."""
    about = f"{name}-{version}.dist-info"
    metadata = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"]
    metadata += ["Provides-Extra: engine", *(f"Requires-Dist: {line}" for line in requires)]
    files = {**files, f"{about}/METADATA": "\n".join(metadata) + "\n"}
    files[f"{about}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n"
    files[f"{about}/entry_points.txt"] = entry_points
    files[f"{about}/RECORD"] = "".join(f"{file},,\n" for file in (*files, f"{about}/RECORD"))
    path = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(zipfile.ZipInfo(file), text)
    return path


def write_wheelhouse(folder, code=STAND_IN):
    """Write wheels of a stand-in for synthgen and of a package that its extra `engine` needs."""
    folder.mkdir(exist_ok=True)
    write_wheel(folder, "tinydep", "2.0", {"tinydep.py": ""})
    console = "[console_scripts]\nsynthgen = synthgen_stand_in:main\n"
    needs = ['tinydep>=1; extra == "engine"']
    files = {"synthgen_stand_in.py": code}
    return write_wheel(folder, "synthgen", "0.1.0", files, requires=needs, entry_points=console)

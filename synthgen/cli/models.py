"""Implement `synthgen models`: download, list, export and import the models that synthgen uses."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from synthgen.cli.keys import Names
from synthgen.cli.output import Application, AsJson, print_fields, print_json

models_app = Application(help="Manage the model store: pull, list, export, import.")


@models_app.command("pull")
def pull_models(
    names: Annotated[Names, Argument(help="Model names; by default all models that synthgen uses.")] = None,
    *,
    force: Annotated[bool, Option("--force", help="Install the model again if it is already in the store.")] = False,
    as_json: AsJson = False,
) -> None:
    """Download models into the store and check each file against its pinned SHA-256."""
    from synthgen.models.pull import pull
    from synthgen.models.registry import MODELS

    pulled = {}
    for name in names or sorted(MODELS):
        typer.echo(f"{name}: downloading, checking and unpacking ...", err=True)
        pulled[name] = str(pull(name, force=force))
        if not as_json:
            typer.echo(f"{name}: {pulled[name]}")
    if as_json:
        print_json({"models": pulled})


@models_app.command("list")
def list_models(*, as_json: AsJson = False) -> None:
    """List the known models, whether each is in the store, and the digest of the stored files."""
    from synthgen.core.errors import ModelError, ModelMissing
    from synthgen.models.registry import MODELS
    from synthgen.models.store import digest_of, model_folder

    listed, lines = [], []
    for name, model in sorted(MODELS.items()):
        digest, state = None, "damaged"
        try:
            digest, state = digest_of(model_folder(name)), "stored"
            said = f"in the store, {digest[:16]}"
        except ModelMissing:
            state, said = "missing", f"not in the store; run `synthgen models pull {name}`"
        except ModelError as error:
            said = f"damaged: {error.message}. {error.hint}".strip()
        listed.append({"name": name, "kind": model.kind, "license": model.license, "state": state, "digest": digest})
        lines.append(f"{name:<10} {model.kind:<8} {model.license:<11} {model.title}\n{'':<10} {said}")
    print_fields({"models": listed}, "\n".join(lines), as_json=as_json)


@models_app.command("export")
def export(
    name: Annotated[str, Argument(help="Model name.")],
    target: Annotated[Path, Argument(help="Tar file to write.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Write a model from the store to one tar file, for transfer to a machine without network access."""
    from synthgen.models.archive import export_model

    written = str(export_model(name, target))
    print_fields({"model": name, "file": written}, f"{name}: {written}", as_json=as_json)


@models_app.command("import")
def import_(
    source: Annotated[Path, Argument(help="Tar file written by `synthgen models export`.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Import an exported model into the store and check each file against its pinned SHA-256."""
    from synthgen.models.archive import import_model

    folder = import_model(source)
    print_fields({"model": folder.name, "folder": str(folder)}, f"imported: {folder}", as_json=as_json)

"""`synthgen models`: the model store."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

models_app = typer.Typer(no_args_is_help=True, help="The model store: pull, list, export, import.")


@models_app.command("pull")
def pull_models(
    names: Annotated[list[str] | None, Argument(help="Models; all embedded ones by default.")] = None,
    *,
    force: Annotated[bool, Option("--force", help="Make it anew even when it is there.")] = False,
) -> None:
    """Bring models into the store, each file checked against its pinned sha256."""
    from synthgen.models.pull import pull
    from synthgen.models.registry import MODELS

    for name in names or sorted(MODELS):
        typer.echo(f"{name}: fetching, checking, unpacking ...", err=True)
        typer.echo(f"{name}: {pull(name, force=force)}", err=True)


@models_app.command("list")
def list_models() -> None:
    """List the known models and whether they are in the store, with the digest of what is there."""
    from synthgen.core.errors import ModelError, ModelMissing
    from synthgen.models.registry import MODELS
    from synthgen.models.store import digest_of, model_folder

    for name, model in sorted(MODELS.items()):
        try:
            state = f"in the store, {digest_of(model_folder(name))[:16]}"
        except ModelMissing:
            state = f"not in the store: synthgen models pull {name}"
        except ModelError as error:
            state = f"damaged: {error.message}"
        typer.echo(f"{name:<10} {model.kind:<8} {model.license:<11} {model.title}\n{'':<10} {state}")


@models_app.command("export")
def export(
    name: Annotated[str, Argument()], target: Annotated[Path, Argument(help="The tar file to write.")]
) -> None:
    """Write a model of the store as one file, to carry it to a machine without network."""
    from synthgen.models.archive import export_model

    typer.echo(f"{name}: {export_model(name, target)}", err=True)


@models_app.command("import")
def import_(source: Annotated[Path, Argument(help="A file written by export.")]) -> None:
    """Take an exported model into the store, checked against the same pins."""
    from synthgen.models.archive import import_model

    typer.echo(f"imported: {import_model(source)}", err=True)

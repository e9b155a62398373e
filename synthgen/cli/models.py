"""Implement `synthgen models`: manage the local model store."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from synthgen.cli.keys import Names

models_app = typer.Typer(no_args_is_help=True, help="Manage the model store: pull, list, export, import.")


@models_app.command("pull")
def pull_models(
    names: Annotated[Names, Argument(help="Model names; by default all models that synthgen uses.")] = None,
    *,
    force: Annotated[bool, Option("--force", help="Install the model again if it is already in the store.")] = False,
) -> None:
    """Download models into the store and check each file against its pinned SHA-256."""
    from synthgen.models.pull import pull
    from synthgen.models.registry import MODELS

    for name in names or sorted(MODELS):
        typer.echo(f"{name}: downloading, checking and unpacking ...", err=True)
        typer.echo(f"{name}: {pull(name, force=force)}")


@models_app.command("list")
def list_models() -> None:
    """List the known models, whether each is in the store, and the digest of the stored files."""
    from synthgen.core.errors import ModelError, ModelMissing
    from synthgen.models.registry import MODELS
    from synthgen.models.store import digest_of, model_folder

    for name, model in sorted(MODELS.items()):
        try:
            state = f"in the store, {digest_of(model_folder(name))[:16]}"
        except ModelMissing:
            state = f"not in the store; run `synthgen models pull {name}`"
        except ModelError as error:
            state = f"damaged: {error.message}"
        typer.echo(f"{name:<10} {model.kind:<8} {model.license:<11} {model.title}\n{'':<10} {state}")


@models_app.command("export")
def export(
    name: Annotated[str, Argument(help="Model name.")], target: Annotated[Path, Argument(help="Tar file to write.")]
) -> None:
    """Write a model from the store to one tar file, for transfer to a machine without network access."""
    from synthgen.models.archive import export_model

    typer.echo(f"{name}: {export_model(name, target)}")


@models_app.command("import")
def import_(source: Annotated[Path, Argument(help="Tar file written by `synthgen models export`.")]) -> None:
    """Import an exported model into the store and check each file against its pinned SHA-256."""
    from synthgen.models.archive import import_model

    typer.echo(f"imported: {import_model(source)}")

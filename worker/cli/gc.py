"""`likeness gc`: finds and deletes objects that no manifest accounts for."""

import json

import typer

from worker.base.settings import settings
from worker.queue.jobs.connection import within_reach
from worker.storage import Storage
from worker.storage.retention import Leftovers, Retention


def run(hours: float, *, delete: bool, verbose: bool, as_json: bool) -> None:
    """Finds leftover objects, deletes them if `delete` is set, and prints what it found."""
    configured = within_reach(settings())
    retention = Retention(configured, Storage(configured))
    # All are found before any is deleted: not every store's listing survives a deletion.
    found = list(retention.find(hours * 3600))
    if delete:
        found = [retention.delete(one) if one.objects else one for one in found]
    if as_json:
        typer.echo(json.dumps(_document(found, deleted=delete)))
        return
    for one in found:
        if one.doubt:
            typer.echo(f"{one.folder.path} was left alone: {one.doubt}.", err=True)
        for each in one.objects if verbose else ():
            typer.echo(each.key)
    left = [one for one in found if one.objects]
    objects, size = sum(len(one.objects) for one in left), sum(one.size for one in left)
    typer.echo(
        f"{'Deleted' if delete else 'Would delete'} {objects} objects of {len(left)} jobs, {size / 1e6:.1f} MB."
        + (" Nothing was deleted; --delete does it." if objects and not delete else "")
    )


def _document(found: list[Leftovers], *, deleted: bool) -> dict[str, object]:
    keys = [each.key for one in found for each in one.objects]
    return {
        "deleted": deleted,
        "jobs": sum(bool(one.objects) for one in found),
        "objects": len(keys),
        "bytes": sum(one.size for one in found),
        "keys": keys,
        "leftAlone": [{"folder": one.folder.path, "why": one.doubt} for one in found if one.doubt],
    }

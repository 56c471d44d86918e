"""The page of a demo's results: one file of HTML, whose links are relative."""

from html import escape
from pathlib import Path

from models.record import JobRecord

_HEAD = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem }}
figure {{ display: inline-block; margin: 0 1rem 1rem 0; width: 12rem; vertical-align: top }}
figure img {{ width: 100%; background: #f3f4f6 }}
figcaption {{ overflow-wrap: anywhere }}
</style>
<h1>{title}</h1>
<p>{said}</p>
"""
_SECTIONS = {
    "references": "References",
    "images": "Clone: AI-made images",
    "evidence": "Tries that missed the likeness: AI-made images",
}
_DOCUMENTS = {
    "contact-sheet.png": "everything on one picture",
    "job.json": "the job's record",
    "events.jsonl": "what happened, one event a line",
    "influencer.json": "the clone's row",
    "manifest.json": "the account of what was stored",
    "worker.log": "the worker's log",
}


def page_of(folder: Path, name: str, record: JobRecord) -> str:
    """Builds the page of what is in the folder."""
    parts = [_HEAD.format(title=escape(f"{name}: {record.status}"), said=escape(_said(record)))]
    for section, title in _SECTIONS.items():
        files = sorted(file.name for file in (folder / section).glob("*"))
        if files:
            parts.append(f"<h2>{title} ({len(files)})</h2>\n")
            parts += (_figure(f"{section}/{file}") for file in files)
    parts.append("<h2>Files</h2>\n<ul>\n")
    parts += (
        f'<li><a href="{file}">{file}</a>: {what}</li>\n'
        for file, what in _DOCUMENTS.items()
        if (folder / file).exists()
    )
    parts.append("</ul>\n")
    return "".join(parts)


def _said(record: JobRecord) -> str:
    if record.error:
        return f"The job {record.job_id} failed with {record.error.code}: {record.error.message}"
    return f"The job {record.job_id} {record.status}."


def _figure(file: str) -> str:
    link, caption = escape(file, quote=True), escape(Path(file).stem)
    return (
        f'<figure><a href="{link}"><img src="{link}" alt="{caption}" loading="lazy"></a>'
        f"<figcaption>{caption}</figcaption></figure>\n"
    )

"""Commands that write into folders of a user's leave alone what they didn't write."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from worker.cli.demo.demo import _new_folder
from worker.mark.certificates.development import make_development_certificate


def test_demos_at_once_have_a_folder_each(tmp_path: Path) -> None:
    (tmp_path / "demo-3").write_text("a file")
    with ThreadPoolExecutor(8) as executor:
        folders = list(executor.map(_new_folder, [tmp_path] * 16))
    assert len(set(folders)) == 16
    assert not any(list(folder.iterdir()) for folder in folders)
    assert (tmp_path / "demo-3").read_text() == "a file"


def test_a_stack_s_certificate_replaces_no_other(tmp_path: Path) -> None:
    theirs = {tmp_path / name: f"my {name}" for name in ("certificate.pem", "key.pem", "signer.pem")}
    for path, text in theirs.items():
        path.write_text(text)
    certificate, key = make_development_certificate(tmp_path)
    assert {path: path.read_text() for path in theirs} == theirs
    assert {certificate, key}.isdisjoint(theirs)

"""Pictures of a few bytes that took an API process a gigabyte each."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from api.settings import ApiSettings
from tests.support.api.client import Api
from tests.support.pictures.large_pictures import lossless_webp, png
from tests.support.servers.process import ApiProcess
from worker.base.settings import Settings

MEBI = 1024 * 1024


def test_uploads_that_ask_for_gigabytes_leave_the_process_small(
    api: Api, settings: Settings, api_settings: ApiSettings, tmp_path: Path
) -> None:
    url = api_settings.database_url.get_secret_value()
    process = ApiProcess(settings, url, 3600, tmp_path / "api.log")
    path = f"/v1/projects/{api.project()}/media"
    pictures = [(lossless_webp(8000), "image/webp"), (png("RGBA", 8000, wide=True), "image/png")] * 2

    def upload(picture: tuple[bytes, str]) -> tuple[int, str]:
        data, media_type = picture
        headers = {"Authorization": f"Bearer {api.secret}", "Content-Type": media_type}
        answer = process.client.post(path, content=data, headers=headers)
        return answer.status_code, answer.json().get("error", {}).get("details", {}).get("subcode", "")

    try:
        process.wait_ready()
        upload((png("RGB", 100), "image/png"))
        with ThreadPoolExecutor(2) as threads:
            answers = list(threads.map(upload, pictures))
        status = Path(f"/proc/{process.process.pid}/status").read_text()
    finally:
        process.kill()

    assert answers == [(422, "REFERENCE_TOO_LARGE"), (201, "")] * 2
    peak = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))
    assert peak < 400 * MEBI

"""A sweep of four, seen in the MLflow UI by a real browser."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

SIZES = (16, 32, 64, 128)
SWEEP = [
    "-m",
    "model.hidden_size=16,32,64,128",
    "dataset.max_bytes=200000",
    "training.max_steps=200",
    "training.batch_size=16",
    "training.validate_every_steps=20",
    "sampling.length=200",
]
PICTURE = os.environ.get("CHARRNN_UI_PICTURE")
"""Where to leave the picture, for the docs."""


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("swept")
    subprocess.run([sys.executable, "-m", "charrnn_exp", *SWEEP], cwd=folder, check=True, timeout=600)
    return folder


@pytest.fixture(scope="module")
def page_address(swept: Path) -> Iterator[str]:
    """The address that the `ui` verb prints."""
    command = [sys.executable, "-m", "charrnn_exp", "ui", "open=false"]
    with subprocess.Popen(command, cwd=swept, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("MLflow UI: http://127.0.0.1:")
        yield line.removeprefix("MLflow UI: ").strip()
        try:
            # Not SIGINT: a job in the background inherits that it is ignored.
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=30) == 0
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def test_four_jobs_give_four_folders_and_four_runs_with_their_params_and_names(swept: Path) -> None:
    from mlflow import MlflowClient

    folders = sorted(path.parent for path in swept.glob("outputs/charrnn/*/*/*/summary.json"))
    assert [folder.name for folder in folders] == ["0", "1", "2", "3"]
    client = MlflowClient(tracking_uri=f"sqlite:///{swept}/mlruns/mlflow.db")
    runs = client.search_runs([client.get_experiment_by_name("charrnn").experiment_id])
    assert sorted(int(run.data.params["model.hidden_size"]) for run in runs) == list(SIZES)
    for run in runs:
        assert run.info.run_name == f"model.hidden_size={run.data.params['model.hidden_size']}"
        assert run.info.status == "FINISHED"
    assert len({run.data.tags["sweep"] for run in runs}) == 1


def test_the_page_of_the_ui_verb_shows_the_curves_of_all_four(page_address: str, tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert chromium, "the browser test needs Chromium"
    picture = Path(PICTURE) if PICTURE else tmp_path / "ui.png"
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
        )
        page = browser.new_page(viewport={"width": 1500, "height": 950})
        page.goto(page_address)
        _show_only_losses(page)
        page.screenshot(path=str(picture))
        for size in SIZES:
            assert page.get_by_text(f"model.hidden_size={size}").first.is_visible()
        drawn = page.evaluate(
            "Array.from(document.querySelectorAll('.js-plotly-plot'), plot => plot.data"
            ".filter(line => line.visible !== false && line.x && line.x.length > 1).map(line => line.name || ''))"
        )
        for size in SIZES:
            assert f"model.hidden_size={size}" in drawn[0], drawn
        browser.close()
    assert picture.stat().st_size > 20_000


def _show_only_losses(page: Any) -> None:
    """Close the assistant and leave one large chart of val_loss."""
    search = page.get_by_placeholder("Search metric charts").first
    search.wait_for(timeout=60_000)
    close = page.get_by_role("button", name="Close")
    if close.count():
        close.first.click()
    search.fill("val_loss")
    page.locator(".js-plotly-plot .scatterlayer .trace").first.wait_for(timeout=60_000)
    page.wait_for_timeout(3_000)

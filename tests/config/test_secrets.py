"""What lets us in at a server stays out of every message."""

import base64
from pathlib import Path

import pytest

from charrnn_exp.config.secrets import hide_secrets


@pytest.mark.parametrize("by", ["variables", "token", "address", "file"])
def test_a_message_shows_nothing_that_lets_a_server_in(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, by: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    user, password = "us:er", "pass/word@1"
    for name in (
        "MLFLOW_TRACKING_URI",
        "MLFLOW_TRACKING_USERNAME",
        "MLFLOW_TRACKING_PASSWORD",
        "MLFLOW_TRACKING_TOKEN",
    ):
        monkeypatch.delenv(name, raising=False)
    match by:
        case "variables":
            monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", user)
            monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", password)
        case "token":
            monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", password)
        case "file":
            (tmp_path / ".mlflow").mkdir()
            lines = ["[mlflow]", f"mlflow_tracking_username = {user}", f"mlflow_tracking_password = {password}"]
            (tmp_path / ".mlflow" / "credentials").write_text("\n".join(lines))
        case "address":
            monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://us%3Aer:pass%2Fword%401@host")
    sent = base64.b64encode(f"{user}:{password}".encode()).decode()
    heard = [password, "pass%2Fword%401", *([] if by == "token" else [sent])]
    message = hide_secrets("500 for http://us%3Aer:pass%2Fword%401@host/x: " + " ".join(heard))
    assert message == "500 for http://host/x: " + " ".join(["***"] * len(heard))

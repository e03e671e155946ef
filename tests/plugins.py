"""Installed packages made by hand: a module and the files by which Python knows a distribution, in a folder."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import charrnn_exp

SOURCE = Path(charrnn_exp.__file__).parents[1]


def install(
    site: Path, package: str, version: str, *, offers: Mapping[str, Mapping[str, str]], code: Mapping[str, str]
) -> None:
    """Install a package into a folder that is to stand on PYTHONPATH.

    Args:
        site: the folder.
        package: name of the distribution.
        version: of it.
        offers: entry points, `module:attribute` by group and name.
        code: source by module.
    """
    info = site / f"{package.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    sections = [
        "\n".join([f"[{group}]", *(f"{name} = {value}" for name, value in points.items())])
        for group, points in offers.items()
    ]
    (info / "entry_points.txt").write_text("\n\n".join(sections) + "\n")
    for module, source in code.items():
        (site / f"{module}.py").write_text(source)


def run(cwd: Path, *words: str, path: tuple[Path, ...] = (), source: Path = SOURCE) -> subprocess.CompletedProcess[str]:
    """Run the program in a folder, as a process of its own, with further folders on the module search path."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (source, *path)))}
    command = [sys.executable, "-m", "charrnn_exp", *words]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=240)

"""The cells of examples/ as an installed package offers them: by entry points that the interpreter finds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from charrnn_exp.model.cells.registry import CELLS

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FILES = {"peephole": "peephole", "mingru": "mingru", "leaky": "my_cell"}
"""The module of each cell."""


@pytest.fixture(scope="module", autouse=True)
def _installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Put the modules and the metadata of a package on the path for the tests of a file."""
    site = tmp_path_factory.mktemp("site")
    for file in FILES.values():
        (site / f"cells_of_a_package_{file}.py").write_text((EXAMPLES / f"{file}.py").read_text())
    metadata = site / "cells_of_a_package-1.2.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: cells-of-a-package\nVersion: 1.2\n")
    points = [f"{name} = cells_of_a_package_{file}:CELL" for name, file in FILES.items()]
    (metadata / "entry_points.txt").write_text("\n".join(["[charrnn_exp.cells]", *points]))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(site))
        vars(CELLS).pop("_points", None)  # the registry looks for packages once a process
        yield
    vars(CELLS).pop("_points", None)

"""Which version of a line of `make stress` was counted."""

from pathlib import Path

import pytest

from stress import __main__ as program


@pytest.mark.parametrize(
    ("module", "there", "not_there"),
    [
        ("stress.kills", "processes", "canaries"),
        ("stress.saves", "saver", "kills"),
        ("stress.fuzz_texts", "inside", "canaries"),
        ("stress.team", "mlflow_rows", "kills"),
    ],
)
def test_a_line_has_the_files_that_it_imports_or_starts(module: str, there: str, not_there: str) -> None:
    names = {path.stem for path in program._find_imported(module)}
    assert {module.removeprefix("stress."), there} <= names
    assert not_there not in names


def test_a_changed_check_makes_its_own_lines_new_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "stress").mkdir()
    (tmp_path / "stress" / "a.py").write_text("from stress.b import x\n")
    for name in ("b", "c"):
        (tmp_path / "stress" / f"{name}.py").write_text("x = 1\n")
    monkeypatch.setattr(program, "ROOT", tmp_path)

    def hash_both() -> tuple[str, str]:
        return program.hash_code("stress.a"), program.hash_code("stress.c")

    before = hash_both()
    (tmp_path / "stress" / "b.py").write_text("x = 2\n")
    after = hash_both()
    assert (after[0] != before[0], after[1] == before[1]) == (True, True)
    (tmp_path / "src" / "d.py").write_text("y = 1\n")
    assert not {*hash_both()} & {*after}

"""The pages for people: links find files, commands compose, make lists its targets, the version stands in one place."""

import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest

from charrnn_exp.config.compose import compose_jobs
from charrnn_exp.config.words import write_words

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
COMMAND = re.compile(r"`(python -m charrnn_exp[^`]*)`")


def name_page(path: Path) -> str:
    return str(path.relative_to(ROOT))


def list_commands() -> list[str]:
    """Return the commands that begin a run, of the pages for users; a typo on purpose and other verbs are none."""
    texts = [(ROOT / page).read_text(encoding="utf-8") for page in ("README.md", "docs/howto.md", "docs/results.md")]
    found = sorted({command for text in texts for command in COMMAND.findall(text)})
    refused = re.compile(r"\.\.\.|\[|--help|hiden|charrnn_exp (?!train)[a-z]+( |$)")
    return [command for command in found if not refused.search(command)]


@pytest.mark.parametrize("path", PAGES, ids=name_page)
def test_every_link_to_a_file_finds_it(path: Path) -> None:
    text = re.sub(r"`[^`\n]*`", "", path.read_text(encoding="utf-8"))
    for link in re.findall(r"\]\(([^)#\s]+)", text):
        if not re.match("[a-z]+:", link):
            assert (path.parent / link).exists(), link


@pytest.mark.parametrize("path", PAGES, ids=name_page)
def test_the_pages_are_ascii(path: Path) -> None:
    assert path.read_bytes().isascii()


def test_every_page_that_the_source_names_exists() -> None:
    files = [path for folder in ("src", "conf", "stress", "benchmarks") for path in (ROOT / folder).rglob("*.*")]
    texts = {path: path.read_text(encoding="utf-8") for path in files if path.suffix in (".py", ".yaml")}
    named = {name for text in texts.values() for name in re.findall(r"docs/[\w/]+\.md", text)}
    assert len(named) > 3
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_the_readme_is_read_in_a_few_minutes() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


@pytest.mark.parametrize("command", list_commands())
def test_every_command_of_a_run_composes(command: str) -> None:
    words = shlex.split(command)[3:]
    flags = {word for word in words if word in ("-m", "--cfg", "job")}
    jobs = compose_jobs(
        write_words([word for word in words if word not in flags], multirun="-m" in flags), multirun="-m" in flags
    )
    assert (len(jobs) > 1) == ("-m" in flags)


def test_every_page_of_the_log_is_newest_first() -> None:
    pages = sorted((ROOT / "docs/log").glob("*.md"))
    assert len(pages) > 5
    for path in pages:
        dates = re.findall(r"^## (\d{4}-\d\d-\d\d): ", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert dates == sorted(dates, reverse=True), path.name
        assert dates or path.name == "README.md"


def test_no_headline_of_the_log_is_a_question() -> None:
    for path in sorted((ROOT / "docs/log").glob("*.md")):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert not (line.startswith("#") and line.endswith("?")), f"{path.name}: {line}"


def test_the_index_of_the_log_has_every_headline() -> None:
    index = (ROOT / "docs/log/README.md").read_text(encoding="utf-8")
    for path in sorted((ROOT / "docs/log").glob("*.md")):
        for headline in re.findall(r"^## (\d{4}-\d\d-\d\d: .*)$", path.read_text(encoding="utf-8"), re.MULTILINE):
            assert f"- {headline}\n" in index


def test_make_without_a_target_says_what_each_target_does() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (targets,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    said = subprocess.run(["make", "--silent"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.findall(r"^  (\S+) +\S", said, re.MULTILINE) == targets.split()


def test_make_clean_touches_no_run() -> None:
    said = subprocess.run(["make", "--dry-run", "clean"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "rm -rf" in said
    assert not {"outputs", "mlruns", "conf"} & set(re.findall(r"\w+", said))


def test_the_version_stands_in_one_place() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" in project["project"]["dynamic"]
    assert "version" not in project["project"]
    assert project["tool"]["hatch"]["version"]["path"] == "src/charrnn_exp/__init__.py"


def test_the_hooks_before_a_commit_are_what_make_check_runs() -> None:
    said = subprocess.run(["make", "--dry-run", "check"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    entries = re.findall(r"^ +entry: (.*)$", (ROOT / ".pre-commit-config.yaml").read_text(), re.MULTILINE)
    assert entries == [line for line in said.splitlines() if re.search(r"bin/(ruff|mypy)", line)]


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda page: page.name)
def test_a_page_has_a_place_in_the_site(page: Path) -> None:
    assert re.search(
        rf"\b{re.escape(page.relative_to(ROOT / 'docs').as_posix())}$", (ROOT / "mkdocs.yml").read_text(), re.M
    )

"""The shape of the source, read from the source: who imports whom, one door a library, sizes, docstrings, ASCII."""

import ast
import functools
import graphlib
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import charrnn_exp
from charrnn_exp.model.cells.registry import CELLS

PACKAGE = Path(charrnn_exp.__file__).parent
ROWS = [
    {""},
    {"errors", "files", "program", "streams"},
    {"options"},
    {"model.cells", "sampling.filters"},
    {"config", "signals"},
    {"data", "machine"},
    {"model", "run_folder"},
    {"sampling", "evaluation", "tracking", "exporting"},
    {"training", "views", "coding"},
    {"experiment"},
    {"sweeps", "serving"},
    {"commands"},
    {"api"},
    {"cli"},
    {"__main__"},
]
"""Folders and top modules, '' is the package itself: each imports from earlier rows and from its own folder alone."""

DOORS = {
    "mlflow": {"tracking", "serving"},
    "hydra": {"config", "sweeps"},
    "omegaconf": {"config", "sweeps"},
    "optuna": {"sweeps"},
    "ray": {"sweeps"},
    "submitit": {"sweeps"},
    "tensorflow": {
        "machine",
        "model",
        "sampling",
        "evaluation",
        "exporting",
        "coding",
        "training",
        "serving",
        "experiment.listeners.profile",
    },
    "keras": {"machine", "model", "sampling", "evaluation", "exporting", "training", "serving"},
    "onnx": {"exporting"},
    "matplotlib": {"views"},
    "requests": {"data"},
    "platformdirs": {"data", "machine"},
    "starlette": {"serving"},
    "uvicorn": {"serving"},
}
"""Which folders and modules may import a library."""

TYPES_FROM_OUTSIDE: dict[str, set[str]] = {}
"""What a module may name from a library beyond its door, to say what it takes."""

MAX_LINES = 300
MAX_FUNCTION_LINES = 60
MAX_ARGUMENTS = 6
MANY_ARGUMENTS = {"model.recurrence", "evaluation.baseline.ngram", "model.layers"}
"""Kernels, and a layer that takes what Keras' own do."""


@dataclass(frozen=True)
class Import:
    """An import statement.

    Args:
        module: that it stands in, without the package's name.
        target: what it names, dotted.
        line: its line.
        at_start: whether it runs when the module is imported.
        for_types: whether it stands under `if TYPE_CHECKING:`.
    """

    module: str
    target: str
    line: int
    at_start: bool
    for_types: bool

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.target}"


def name_module(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


MODULES = {name_module(path): path for path in sorted(PACKAGE.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


def list_imports(module: str, tree: ast.Module) -> Iterator[Import]:
    def visit(node: ast.AST, at_start: bool, for_types: bool) -> Iterator[Import]:
        match node:
            case ast.Import():
                for alias in node.names:
                    yield Import(module, alias.name, node.lineno, at_start, for_types)
            case ast.ImportFrom():
                base = node.module or ""
                if node.level:
                    folder = ["charrnn_exp", *module.split(".")][: -node.level]
                    base = ".".join([*folder, *([base] if base else [])])
                for alias in node.names:
                    inner = f"{base}.{alias.name}".removeprefix("charrnn_exp.")
                    yield Import(
                        module, f"charrnn_exp.{inner}" if inner in MODULES else base, node.lineno, at_start, for_types
                    )
            case ast.If() if ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
                for child in node.body:
                    yield from visit(child, at_start, True)
                for other in node.orelse:
                    yield from visit(other, at_start, for_types)
            case _:
                inside = at_start and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                for inner_node in ast.iter_child_nodes(node):
                    yield from visit(inner_node, inside, for_types)

    yield from visit(tree, True, False)


IMPORTS = [each for name, tree in TREES.items() for each in list_imports(name, tree)]
RUNNING = [each for each in IMPORTS if not each.for_types]


@functools.cache
def find_room(module: str) -> str:
    """Return the longest name in `ROWS` that the module lies below."""
    return max((name for names in ROWS for name in names if is_within(module, {name})), key=len)


@functools.cache
def find_row(module: str) -> int:
    return next(i for i, names in enumerate(ROWS) if find_room(module) in names)


def is_within(module: str, places: set[str]) -> bool:
    return any(module == place or module.startswith(place + ".") for place in places)


@pytest.mark.parametrize("row", range(len(ROWS)))
def test_a_module_imports_only_from_earlier_rows_and_its_own_folder(row: int) -> None:
    wrong = []
    for each in RUNNING:
        if find_row(each.module) == row and each.target.partition(".")[0] == "charrnn_exp":
            target = each.target.removeprefix("charrnn_exp").removeprefix(".")
            if find_room(target) != find_room(each.module) and find_row(target) >= row:
                wrong.append(str(each))
    assert wrong == []


def test_a_declaration_loads_no_tensorflow_when_it_is_imported() -> None:
    """Checks, help and completion read declarations before TensorFlow is there."""
    early = [each for each in RUNNING if each.at_start and is_within(each.module, {"model.cells", "sampling.filters"})]
    assert [str(each) for each in early if each.target.partition(".")[0] in ("tensorflow", "keras")] == []


def test_no_files_import_each_other_in_a_circle() -> None:
    """Also those of one folder, and also for types alone: whoever reads one file can stop there."""
    needs: dict[str, set[str]] = {name: set() for name in MODULES}
    for each in IMPORTS:
        target = each.target.removeprefix("charrnn_exp").removeprefix(".")
        if each.target.partition(".")[0] == "charrnn_exp" and target != each.module:
            needs[each.module].add(target)
    try:
        tuple(graphlib.TopologicalSorter(needs).static_order())
    except graphlib.CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_every_module_has_its_row() -> None:
    assert len(MODULES) > 30
    assert all(find_row(module) >= 0 for module in MODULES)


@pytest.mark.parametrize("library", DOORS)
def test_a_library_has_one_door(library: str) -> None:
    assert [
        str(each)
        for each in RUNNING
        if each.target.partition(".")[0] == library
        and not is_within(each.module, DOORS[library])
        and each.target not in TYPES_FROM_OUTSIDE.get(each.module, set())
    ] == []


def test_no_module_imports_the_inside_of_hydra() -> None:
    """What its public modules offer is enough; a string may name the inside, as the allow-list of launchers does."""
    assert sum(each.target.partition(".")[0] == "hydra" for each in IMPORTS) > 5
    assert [str(each) for each in IMPORTS if re.match(r"hydra\b.*\._", each.target)] == []


def test_a_name_taken_from_outside_for_a_type_is_used_as_nothing_else() -> None:
    for module, targets in TYPES_FROM_OUTSIDE.items():
        for node in ast.walk(TREES[module]):
            if isinstance(node, ast.ImportFrom) and node.module in targets:
                names = {alias.name for alias in node.names}
                calls = [
                    call.func.id
                    for call in ast.walk(TREES[module])
                    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
                ]
                assert names.isdisjoint(calls)


@pytest.mark.parametrize(
    "module", [name for name in MODULES if is_within(name, {"commands", "cli", "__main__", "errors"})]
)
def test_no_command_imports_tensorflow_when_it_is_imported(module: str) -> None:
    """Everything that such a module imports at its start, and all that follows from it, is free of TensorFlow."""
    waiting, seen, heavy = [module], set(), []
    while waiting:
        current = waiting.pop()
        seen.add(current)
        for each in RUNNING:
            if each.module == current and each.at_start:
                library, _, inner = each.target.partition(".")
                if library in ("tensorflow", "keras", "mlflow", "matplotlib"):
                    heavy.append(str(each))
                elif library == "charrnn_exp":
                    parts = inner.split(".")
                    found = {".".join(parts[:i]) for i in range(len(parts) + 1)} & set(MODULES)
                    waiting += sorted(found - seen - set(waiting))
    assert heavy == []


def test_imports_for_types_alone_are_these() -> None:
    """A list to be read at review: each is a pair of modules that know of each other by shape only."""
    assert {(each.module, each.target) for each in IMPORTS if each.for_types} == set()


def test_imports_are_absolute_and_take_names_not_everything() -> None:
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{name}:{node.lineno}"
                assert all(alias.name != "*" for alias in node.names), f"{name}:{node.lineno}"


def test_no_module_is_longer_than_a_reader_holds() -> None:
    lengths = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()}
    assert {name: length for name, length in lengths.items() if length > MAX_LINES} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    lengths = {
        f"{name}.{node.name}": node.end_lineno - node.lineno + 1
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None
    }
    assert len(lengths) > 100
    assert {name: length for name, length in lengths.items() if length > MAX_FUNCTION_LINES} == {}


def test_no_function_has_more_arguments_than_a_caller_keeps_apart() -> None:
    """Positional and keyword-only ones, without self and cls."""
    counts = {}
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names = [each.arg for each in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
                counts[f"{name}.{node.name}"] = len(names) - (names[:1] in (["self"], ["cls"]))
    assert max(counts.values()) > MAX_ARGUMENTS
    many = {name for name, count in counts.items() if count > MAX_ARGUMENTS}
    assert {name for name in many if name.rpartition(".")[0] not in MANY_ARGUMENTS} == set()


def list_public(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Yield the public functions and classes of a module, and their public methods, but those of a protocol.

    What the calls of a protocol mean stands in its class, once.
    """
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    protocols = [node for node in classes if any(ast.unparse(base) == "Protocol" for base in node.bases)]
    told = {inner.name for node in protocols for inner in node.body if isinstance(inner, ast.FunctionDef)}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from (
                    inner
                    for inner in node.body
                    if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef)
                    and not inner.name.startswith("_")
                    and inner.name not in told
                )


def test_every_module_and_every_public_thing_in_it_says_what_it_is() -> None:
    silent = []
    for name, tree in TREES.items():
        for node in (tree, *list_public(tree)):
            first = (ast.get_docstring(node) or "").split("\n\n")[0]
            if not first.rstrip("`").endswith((".", "?", ":")):
                silent.append(f"{name}: {'the module' if isinstance(node, ast.Module) else node.name}")
    assert silent == []


def test_source_and_tests_are_ascii() -> None:
    files = [*MODULES.values(), *Path(__file__).parent.rglob("*.py")]
    assert [path.name for path in files if not path.read_bytes().isascii()] == []


def test_only_the_command_line_and_forks_end_a_process() -> None:
    """A fork must not go on in the code of the process that it is a copy of."""
    ends = [
        f"{name}:{node.lineno}"
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("sys.exit", "exit", "quit", "os._exit", "os.abort")
    ]
    assert [end for end in ends if not end.startswith(("cli:", "evaluation.baseline.shared:", "sweeps.zygote:"))] == []


def test_nothing_that_is_loaded_can_run_code() -> None:
    refused = {"eval", "exec", "compile", "__import__", "pickle.load", "pickle.loads", "yaml.load", "joblib.load",
               "importlib.import_module", "keras.models.load_model", "tf.keras.models.load_model",
               "tf.saved_model.load", "hydra.utils.instantiate", "instantiate", "os.system"}  # fmt: skip
    called = [
        f"{name}:{node.lineno} {ast.unparse(node.func)}"
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in refused
    ]
    # By names of our own files alone; what a package offers is loaded by its entry point.
    assert {call.partition(":")[0] for call in called} == {"options"}
    assert {call.partition(" ")[2] for call in called} == {"importlib.import_module"}
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg in ("allow_pickle", "shell"):
                assert ast.unparse(node.value) == "False", f"{name}:{node.value.lineno}"


def test_no_module_is_a_drawer() -> None:
    drawers = {"utils", "util", "common", "helpers", "helper", "misc", "tools", "base", "core"}
    assert not {part for name in MODULES for part in name.split(".")} & drawers


def test_a_declaration_loads_neither_tensorflow_nor_keras() -> None:
    """A process imports all cells, and asks each for its size; an import inside a function is for its maths alone."""
    asked = (
        "import sys; from charrnn_exp.model.cells.registry import CELLS; "
        "print([cell.count_weights(3, 5) > 0 for cell in CELLS.built_in.values()]); "
        "print({'tensorflow', 'keras', 'numpy'} & set(sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines() == [str([True] * len(CELLS.built_in)), "set()"]
    assert len(CELLS.built_in) >= 3

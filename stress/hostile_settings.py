"""Settings that name code, read the environment, or lead out of the run folder: refused with 2, or taken as text."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

SMALL = (
    "dataset=stdlib",
    "dataset.max_bytes=2700",
    "model.hidden_size=5",
    "training.batch_size=4",
    "training.sequence_length=20",
    "training.max_steps=3",
    "sampling.length=5",
)
"""A run of a second."""
TARGETS = ("os.mkdir", "os.system", "subprocess.call", "builtins.exec", "builtins.eval", "pathlib.Path.touch",
           "importlib.import_module", "runpy.run_path", "pickle.loads", "shutil.rmtree", "hydra.utils.instantiate",
           "hydra._internal.utils._locate", "charrnn_exp.cli.main", "tensorflow.io.write_file")  # fmt: skip
"""What a hostile setting would have called."""
ARGUMENT = {
    "os.system": "touch <canary>",
    "builtins.exec": "import os; os.mkdir('<canary>')",
    "builtins.eval": "__import__('os').mkdir('<canary>')",
    "subprocess.call": "[touch, <canary>]",
}
KEYS = ("+x", "++x", "model", "+model.x", "++model.cell", "optimizer", "training.x", "+tracking.tags.x",
        "tracking.tags.x",
        "+hydra.callbacks.x", "++hydra.callbacks.x", "+hydra.callbacks.x.y", "hydra.launcher", "+hydra.launcher.x",
        "hydra.sweeper", "+hydra.sweeper.x", "+hydra.sweeper.params.x", "+hydra.job_logging.handlers.x",
        "+hydra.hydra_logging.handlers.x", "+hydra.help.x", "+hydra.job.config.x", "+hydra.sweep.x")  # fmt: skip
DICTS = ("{_target_:<t>,_args_:['<a>']}", "[{_target_:<t>,_args_:['<a>']}]", "{a:{_target_:<t>,path:'<a>'}}",
         "{a:[[{_target_:<t>}]]}", "{\"_target_\":<t>,path:'<a>'}", "{'_target_':\"<t>\",path:'<a>'}",
         "{ _target_ : <t> , path : '<a>' }", "{_partial_:false,_recursive_:true,_target_:<t>,path:'<a>'}")  # fmt: skip
PLACES = {
    "top": "x: <call>",
    "group": "model: <call>",
    "leaf": "model: {cell: <call>}",
    "list": "model: {x: [[<call>]]}",
    "tags": "tracking: {tags: {a: [<call>]}}",
    "callback": "hydra: {callbacks: {x: <call>}}",
    "callback in a list": "hydra: {callbacks: {x: [[<call>]]}}",
    "callback by reference": "hydra: {callbacks: {x: '${y}'}}\ny: <call>",
    "callback by merge key": "y: &y <call>\nhydra: {callbacks: {x: {<<: *y}}}",
    "callback by alias": "y: &y <call>\nhydra: {callbacks: {x: *y}}",
    "callback of text": "hydra: {callbacks: {x: \"${oc.create:${oc.decode:'<call>'}}\"}}",
    "callback of the environment": "hydra: {callbacks: {x: '${oc.decode:${oc.env:CANARY_CALL}}'}}",
    "launcher": "hydra: {launcher: <call>}",
    "launcher's own": "hydra: {launcher: {x: <call>}}",
    "launcher by reference": "hydra: {launcher: {x: '${y}'}}\ny: <call>",
    "launcher's class by reference": "hydra: {launcher: {_target_: '${y._target_}'}}\ny: <call>",
    "launcher of the environment": "hydra: {launcher: {x: '${oc.decode:${oc.env:CANARY_CALL}}'}}",
    "sweeper": "hydra: {sweeper: <call>}",
    "sweeper's values": "hydra: {sweeper: {params: {+hydra.callbacks.x: '<call>'}}}",
    "logging": "hydra: {job_logging: {version: 1, handlers: {h: {(): os.mkdir, path: <canary>}}}}",
    "hydra's logging": "hydra: {hydra_logging: {version: 1, handlers: {h: {(): os.mkdir, path: <canary>}}}}",
    "search path": "hydra: {searchpath: ['pkg://spy', 'file://..']}",
    "environment set": "hydra: {job: {env_set: {PYTHONSTARTUP: spy.py}}}",
    "output folder": "hydra: {run: {dir: <canary>}}",
    "sweep folder": "hydra: {sweep: {dir: <canary>, subdir: ../x}}",
    "config folder": "hydra: {output_subdir: ../../x}",
}
"""Of a YAML file of the user's."""
LAUNCHERS = {
    "slurm": ("setup: [touch <canary>]", "python: touch <canary>", "additional_parameters: {wrap: touch <canary>}",
              'partition: "a\\ntouch <canary>"', "account: $(touch <canary>)", "qos: a;touch <canary>",
              "srun_args: [x]", "teardown: [touch <canary>]", "cluster: 'local; touch <canary>'"),
    "ray": ("address: '127.0.0.1:9'", "address: 'ray://127.0.0.1:9'", "runtime_env: {pip: [spy]}",
            "runtime_env: {working_dir: .}", "runtime_env: {py_modules: [spy.py]}",
            "init: {runtime_env: {worker_process_setup_hook: spy.x}}", "namespace: x"),
    "basic": ("commands: [touch <canary>]",),
}  # fmt: skip
"""Settings of launchers in a file, by the launcher."""
FILE_TARGETS = TARGETS[:5]
TAGS = ("!!python/object/apply:os.mkdir [<canary>]", "!!python/object/new:os.mkdir [<canary>]",
        "!!python/name:os.system",
        "!!python/module:spy", "!!python/object:spy.X {}", "!!python/object/apply:spy.X []", "!!python/tuple [1]",
        "!!python/object/new:type {args: [x, !!python/tuple [], {}], state: {}}",
        "!!python/object/apply:pathlib.Path [x]",
        "!spy x", "!!python/object/apply:builtins.eval [\"__import__('os').mkdir('<canary>')\"]")  # fmt: skip
LAUGHS = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10)
)
BOMBS = {
    "laughs": LAUGHS,
    "laughs in a tag": LAUGHS + "tracking: {tags: {a: *a9}}\n",
    "merging laughs": "a0: &a0 {k: v}\n"
    + "".join(f"a{i}: &a{i} {{x: *a{i - 1}, y: *a{i - 1}}}\n" for i in range(1, 40)),
    "depth": "x: " + "[" * 20_000 + "]" * 20_000,
    "depth of keys": "".join(" " * i + f"k{i}:\n" for i in range(3000)),
    "a list of itself": "x: &a [*a]",
    "a map of itself": "x: &a {y: *a}",
    "a long number": "seed: " + "9" * 100_000,
    "binary": "seed: !!binary AAAA",
    "nothing but a NUL": "\0",
}
RESOLVERS = ("${oc.env:CANARY_SECRET}", "${oc.env:CANARY_SECRET,none}", "${oc.decode:${oc.env:CANARY_SECRET}}",
             "${oc.create:{a:1}}", "${oc.select:seed}", "${oc.dict.keys:model}", "${oc.dict.values:model}",
             "${custom:x}",
             "${hydra:runtime.cwd}", "${oc.deprecated:seed}", "${oc.${x}:CANARY_SECRET}", "${${x}:CANARY_SECRET}",
             "a${oc.env:CANARY_SECRET}b", "${oc.env:HOME}", "${ oc.env : CANARY_SECRET }")  # fmt: skip
RESOLVED_KEYS = (
    "name",
    "tracking.run_name",
    "sampling.prompt",
    "++tracking.tags.x",
    "tracking.experiment_name",
    "seed",
)
PATHS = ("../../x", "../x", "/tmp/x", "..", ".", ".hidden", "a/b", "a/../../x", "-x", "_x", "~", "~root",
         "a b", "a:b", "x" * 101,
         "a\nb", "a\tb", "\u00e9", "\u202e", "a\\b", "CON/..", "$HOME", "%2e%2e", "*", "a;b", "`x`",
         "<canary>")  # fmt: skip
FOLDERS = ("hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir", "hydra.output_subdir", "hydra.job.name",
           "hydra.job.id", "hydra.job.chdir", "hydra.searchpath", "hydra.run.dir=${oc.env:HOME}/x;x")  # fmt: skip
MODULE = "import os\nos.mkdir('<canary>')\n"


@dataclass(frozen=True)
class Case:
    """A hostile start.

    Args:
        name: in the report.
        words: after `python -m charrnn_exp`.
        files: below the current folder.
        codes: exit codes that are right.
        tag: the text that the run's tag x must be; None: there is no run.
    """

    name: str
    words: tuple[str, ...]
    files: dict[str, str] = field(default_factory=dict)
    codes: frozenset[int] = frozenset({2})
    tag: str | None = None


def list_cases() -> list[Case]:
    """Return all of them."""
    return [*_words(), *_files(), *_launchers(), *_resolvers(), *_paths()]


def _words() -> Iterator[Case]:
    for key in KEYS:
        for i, target in enumerate(TARGETS):
            argument = ARGUMENT.get(target, "<canary>")
            sweep = ("-m",) if i % 3 == 0 else ()
            yield Case(f"{key}._target_={target}", (f"{key}._target_={target}", f"{key}.path='{argument}'", *sweep))
            word = DICTS[i % len(DICTS)].replace("<t>", target).replace("<a>", argument.replace("'", "\\'"))
            if key.endswith("tracking.tags.x"):  # a tag is text, whatever it looks like; a sweep may take it for values
                codes = frozenset({0, 2}) if sweep else frozenset({0})
                yield Case(f"{key}={word}", (f"{key}={word}", *SMALL, *sweep), codes=codes, tag=word)
            else:
                yield Case(f"{key}={word}", (f"{key}={word}", *sweep))
    for word in ("+hydra/callbacks=x", "hydra/launcher=evil", "hydra/sweeper=evil", "+model@hydra.callbacks.x=lstm",
                 "+dataset@hydra.callbacks=stdlib", "hydra/job_logging=default", "~hydra.callbacks",
                 "hydra.callbacks=null",
                 "hydra=x", "+x.\uff3ftarget\uff3f=os.mkdir",
                 '+x={"_tar\\u0067et_":os.mkdir}', "+x._target_.=os.mkdir"):  # fmt: skip
        yield Case(word, (word,))
    for flag in (("--experimental-rerun", "spy.pickle"), ("--config-path", "pkg://spy"), ("--config-name", "../spy"),
                 ("--config-path", "/"), ("-cp", ".."), ("-cn", "spy")):  # fmt: skip
        yield Case(" ".join(flag), flag, {"spy.py": MODULE, "spy.yaml": "x: {_target_: os.mkdir}"})


def _files() -> Iterator[Case]:
    words = ("--config-dir", "conf", "experiment=evil")
    for place, text in PLACES.items():
        for target in FILE_TARGETS if "<call>" in text else FILE_TARGETS[:1]:
            argument = ARGUMENT.get(target, "<canary>").replace("'", "''")
            call = f"{{_target_: {target}, _args_: ['{argument}'], path: <canary>}}"
            if "'<call>'" in text:
                call = "{_target_: os.mkdir, path: <canary>}"
            for sweep in ((), ("-m", "seed=1,2")):
                yield _file(f"file: {place}, {target}{' '.join(sweep)}", text.replace("<call>", call), (*words, *sweep))
    for tag in TAGS:
        yield _file(f"tag: {tag}", f"x: {tag}", words)
        yield _file(f"tag of a key: {tag}", f"? {tag}\n: 1", words)
    for name, text in BOMBS.items():
        yield Case(f"bomb: {name}", words, {"conf/experiment/evil.yaml": "# @package _global_\n" + text})
    call = "{_target_: os.mkdir, path: <canary>}"
    for line in ("/model@hydra.callbacks.x: evil", "/hydra/callbacks: evil", "/hydra/callbacks@hydra.callbacks: evil",
                 "override /hydra/job_logging: evil", "override /hydra/launcher: evil", "override /hydra/sweeper: evil",
                 "/model@hydra.launcher.x: evil", "/model: ${oc.env:CANARY_SECRET}", "/model: ../../evil",
                 "override /model: '${oc.decode:evil}'", "/model: file:///etc/passwd"):  # fmt: skip
        files = {f"conf/{group}/evil.yaml": f"x: {call}\n_target_: os.mkdir\n" for group in
                 ("model", "hydra/callbacks", "hydra/job_logging", "hydra/launcher", "hydra/sweeper")}  # fmt: skip
        yield Case(
            f"defaults: {line}",
            words,
            files
            | {
                "conf/experiment/evil.yaml": f"# @package _global_\ndefaults: ['{line}']\n".replace(
                    "'override /model: '", "'override /model: "
                )
            },
        )


def _launchers() -> Iterator[Case]:
    """Yield settings of launchers on clusters in a file: commands, programs, packages, machines, lines of a script."""
    words = ("-m", "--config-dir", "conf", "experiment=evil", "seed=1,2")
    for option, settings in LAUNCHERS.items():
        for setting in settings:
            for choice in ((f"hydra/launcher={option}",), ()):
                chosen = "" if choice else f"defaults: [{{override /hydra/launcher: {option}}}]\n"
                text = f"{chosen}hydra: {{launcher: {{{setting}}}}}"
                yield _file(f"launcher {option} {choice}: {setting}", text, (*words, *choice))
        own = {"conf/hydra/launcher/evil.yaml": "\n".join(settings[:1]) + "\n"}
        yield Case(f"launcher of a file: {settings[0]}", (*words[:3], "hydra/launcher=evil", "seed=1,2"), own)


def _file(name: str, text: str, words: tuple[str, ...]) -> Case:
    return Case(name, words, {"conf/experiment/evil.yaml": f"# @package _global_\n{text}\n", "spy.py": MODULE})


def _resolvers() -> Iterator[Case]:
    for text in RESOLVERS:
        for key in RESOLVED_KEYS:
            yield Case(f"{key}={text}", (f"{key}={text}",))
        yield _file(f"file: {text}", f"x: oc.env\nname: '{text}'", ("--config-dir", "conf", "experiment=evil"))
        yield _file(
            f"launcher: {text}", f"hydra: {{launcher: {{x: '{text}'}}}}", ("--config-dir", "conf", "experiment=evil")
        )


def _paths() -> Iterator[Case]:
    for path in PATHS:
        quoted = path.replace("\\", "\\\\").replace('"', '\\"')
        yield Case(f"name={path!r}", (f'name="{quoted}"',))
        yield Case(f"name={path!r} in a file", ("--config-dir", "conf", "experiment=evil"),
                   {"conf/experiment/evil.yaml": f'# @package _global_\nname: "{_escape(path)}"\n'})  # fmt: skip
    for key in FOLDERS:
        for path in ("<canary>", "../../x", "x", "outputs/../../x"):
            word = key.removesuffix(";x") if key.endswith(";x") else f"{key}={path}"
            yield Case(f"{word} {path}", (word, *(("-m",) if "sweep" in key else ())))
    for path in ("../x", "/", "none", "a\nb", "x" * 5000, "~nobody/x", "<canary>"):
        for verb in ("sample", "resume", "evaluate", "repair"):
            yield Case(f"{verb} run={path[:20]!r}", (verb, f"run={path}"))
        yield Case(f"--config-dir {path[:20]!r}", ("--config-dir", path, "experiment=x"))


def _escape(text: str) -> str:
    """Return the text as it stands between double quotes of YAML."""
    return json.dumps(text)[1:-1]

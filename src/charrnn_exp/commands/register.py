"""`register` hands a run's model to MLflow's registry, for whoever loads or serves it there."""

import re
from collections.abc import Sequence

from charrnn_exp.commands.command import CHECKPOINT, RUN, Command, Word
from charrnn_exp.errors import UserError

AS = Word("as")

DETAILS = """\
Makes a model of MLflow of a run, with its weights, symbols and settings and without a pickle, sends it to the run in
its store, and registers it as the next version of NAME, which ALIAS means from now on:
  {program} register run=best:NAME as=bard@champion     the best run of a name or a sweep
  checkpoint=last       the last weights; those of the lowest val_loss where this is left out
Then, in any verb:      {program} sample run=models:/bard@champion, or run=models:/bard/3
and where this package is installed, by MLflow itself:
  mlflow.pyfunc.load_model("models:/bard@champion").predict(table, params={{"length": 200, "temperature": 0.7}})
  mlflow models serve --model-uri models:/bard@champion --env-manager local
The verbs here read its weights and settings, and never run a model's code; MLflow does.
The store is that of the run; tracking=server tracking.uri=http://HOST:5000 is another one that has the run.
REF is latest (default: the run worked on last), best or best:NAME, a run folder, or the MLflow id of a run.
"""


def run(words: Sequence[str]) -> None:
    """Register the model of `run=REF` (default: latest) `as=NAME@ALIAS`.

    `checkpoint=best|last` (default: best), `tracking=`, `tracking.uri=`.

    Raises:
        CharRNNError: if there is no such run or checkpoint, the run is not in the store, or the store refuses.
    """
    from charrnn_exp.commands.arguments import parse_arguments, read_tracking
    from charrnn_exp.serving.mlflow_package import choose_checkpoint, packed_model
    from charrnn_exp.tracking.fetch import find_fetched_id, find_run_anywhere
    from charrnn_exp.tracking.register import check_run, register_model
    from charrnn_exp.tracking.registered import PREFIX

    parsed = parse_arguments(words, COMMAND)
    name, alias = _read_name(parsed.arguments.get("as"))
    reference = parsed.arguments.get("run", "latest")
    if reference.startswith(PREFIX):
        raise UserError(f"run must be a run, got {reference!r}, which is registered already.")
    folder = find_run_anywhere(reference, lambda: read_tracking(parsed), needs_weights=True)
    checkpoint = choose_checkpoint(folder, parsed.arguments.get("checkpoint"))
    fetched_id, run_id = find_fetched_id(folder), folder.read_tracking().get("run_id")
    is_typed = fetched_id is not None or parsed.groups or parsed.settings
    tracking = read_tracking(parsed) if is_typed else folder.read_config().tracking
    run_id = check_run(tracking, fetched_id or run_id)
    with packed_model(folder, checkpoint) as model:
        made = register_model(tracking, run_id, model, step=checkpoint.folder.name, name=name, alias=alias)
    print(f"{PREFIX}{name}@{alias} is {PREFIX}{name}/{made.version}: run {run_id}, checkpoint {checkpoint.folder.name}")


def _read_name(typed: str | None) -> tuple[str, str]:
    from charrnn_exp.tracking.registered import ALIAS, NAME

    match = re.fullmatch(f"({NAME})@({ALIAS})", typed or "")
    # MLflow has meanings of its own for these aliases.
    if match is None or match[2].lower() == "latest" or re.fullmatch(r"v[0-9]+", match[2].lower()):
        raise UserError(
            "as must be NAME@ALIAS, a name of letters, digits, '.', '_' and '-', an alias of letters, digits, '_' and "
            f"'-' that is neither latest nor v1, for instance as=bard@champion, got {typed!r}."
        )
    return match[1], match[2]


COMMAND = Command(
    name="register",
    order=11,
    summary="a run's model in MLflow's registry:                  register run=best as=bard@champion",
    usage="register as=NAME@ALIAS [run=REF] [checkpoint=best|last] [tracking=server] [tracking.uri=URI]",
    details=DETAILS,
    words=(RUN, AS, CHECKPOINT),
    settings=("tracking.uri",),
    groups=("tracking",),
    run=run,
)

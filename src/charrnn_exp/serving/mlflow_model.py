"""The model of MLflow: a table of prompts in, a table of texts or losses out.

It is a model from code: MLflow runs `mlflow_code.py` beside the run's own files, and nothing is pickled.

Axes: t time.
"""

import json
import threading
from pathlib import Path
from typing import Any

import pandas
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.pyfunc import PythonModel

from charrnn_exp.errors import UserError
from charrnn_exp.run_folder.folder import RunFolder
from charrnn_exp.serving import orders
from charrnn_exp.serving.generation import Generator, Piece, open_generator
from charrnn_exp.streams import write_note

RUN = "run"
"""Name of the artifact that is the run's folder: settings, symbols, the weights of one checkpoint."""
KIND = "kind"
GENERATE, SCORE = KINDS = ("generate", "score")
MAX_ROWS = 64
MAX_CHARACTERS = 100_000
"""Characters that one call may generate in all its rows."""


class CharRNN(PythonModel):  # type: ignore[misc]  # MLflow's classes have no types here
    """Generates what follows each prompt, or scores each prompt as a text, as `kind` says."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._generator: Generator | None = None

    def load_context(self, context: Any) -> None:
        """Read the run by the readers that trust nothing; called by MLflow."""
        self._generator = open_generator(RunFolder(Path(context.artifacts[RUN])), None, warn=write_note)

    def predict(self, context: Any, model_input: pandas.DataFrame, params: dict[str, Any] | None = None) -> Any:
        """Return a table with a row for each prompt: text, characters, loss (nats per character), losses as JSON.

        Args:
            context: of MLflow.
            model_input: table with a column `prompt`.
            params: `kind`, and the settings of a text by name.

        Raises:
            MlflowException: with the code of a bad request, for prompts or parameters that are none.
        """
        try:
            rows = self._answer([*model_input["prompt"]], dict(params or {}))
        except UserError as error:
            raise MlflowException(" ".join(error.lines), error_code=INVALID_PARAMETER_VALUE) from None
        return _make_table(rows)

    def _answer(self, prompts: list[Any], params: dict[str, Any]) -> list[dict[str, Any]]:
        generator, kind = self._generator, params.pop(KIND, GENERATE)
        assert generator is not None, "MLflow loads the context first"
        if kind not in KINDS:
            raise UserError(f"{KIND} must be one of {', '.join(KINDS)}, got {ascii(kind)[:40]}.")
        if not 1 <= len(prompts) <= MAX_ROWS:
            raise UserError(f"a table must have 1 to {MAX_ROWS} rows, got {len(prompts):,}.")
        plain = {name: value.item() if hasattr(value, "item") else value for name, value in params.items()}
        orders.check_values(plain)
        with self._lock:
            if kind == SCORE:
                texts = [generator.read_text(orders.read_text({"text": prompt})) for prompt in prompts]
                return [_sum_up(list(generator.score(ids_t))) for ids_t in texts]
            asked = [orders.read_order({**plain, "prompt": prompt or None}, generator.config) for prompt in prompts]
            if not sum(order.sampling.length for order in asked) <= MAX_CHARACTERS:
                raise UserError(f"length must be at most {MAX_CHARACTERS // len(asked):,} for {len(asked)} rows.")
            begun = [(order.sampling, generator.read_prompt(order.sampling)) for order in asked]
            return [_sum_up(list(generator.generate(*each, has_losses=True))) for each in begun]


def _sum_up(pieces: list[Piece]) -> dict[str, Any]:
    losses = [each for piece in pieces for each in piece.losses]
    known = [each for each in losses if each is not None]
    text = "".join(piece.text for piece in pieces)
    return {
        "text": text,
        "characters": len(text),
        "loss": sum(known) / len(known) if known else None,
        "losses": json.dumps([None if each is None else round(each, 4) for each in losses]),
    }


def _make_table(rows: list[dict[str, Any]]) -> pandas.DataFrame:
    """Return rows as a table; a mean that there is none of is None.

    Not NaN, which MLflow's server would write into its JSON, where no such number exists.
    """
    table = pandas.DataFrame(rows)
    means = [row["loss"] for row in rows]
    return table.assign(loss=pandas.Series(means, dtype=object)) if None in means else table

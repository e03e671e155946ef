"""`serve` opens a page on a run's model, with a JSON API beside it."""

import signal
from collections.abc import Sequence

from charrnn_exp.commands.command import CHECKPOINT, RUN, Command, Word

HOST = "127.0.0.1"
LOOPBACK = (HOST, "localhost", "::1")
FIRST_PORT = 8000

DETAILS = """\
Loads the model of a run and prints the address of a page: type a prompt, and its text streams in, each character in
the colour of how much it surprised the model. Ctrl-C ends it. Without a browser:
  curl -H 'Content-Type: application/json' -d '{{"prompt": "ROMEO:", "length": 200}}' ADDRESS/api/generate
  port=8000             the next free one where it is taken
  host=127.0.0.1        this machine alone. Another one, host=0.0.0.0 too, is for a network that you trust: there are no
                        users and no passwords
  checkpoint=best       the weights of the lowest val_loss, default where early stopping ended the run
Requests are bounded in size, number and time; docs/serving.md has the limits.
REF is latest (default: the run worked on last), best or best:NAME (lowest validation loss of a name, a sweep or a
text), a run folder, or the MLflow id of a run below outputs/ or in the store, from which it is downloaded once:
  run=ID tracking=server tracking.uri=http://HOST:5000
  run=models:/NAME@ALIAS or models:/NAME/3    a registered model of the store, see register
"""


def run(words: Sequence[str]) -> None:
    """Serve the model of `run=REF` (default: latest) on 127.0.0.1 until Ctrl-C.

    `port=8000` (the next free one where it is taken), `host=ADDRESS`, `checkpoint=last|best`.

    Raises:
        CharRNNError: if there is no such run, it has no checkpoint, or the port is taken.
    """
    from charrnn_exp.commands.arguments import parse_arguments, read_tracking
    from charrnn_exp.commands.port import bind_port
    from charrnn_exp.serving.generation import open_generator
    from charrnn_exp.tracking.fetch import find_run_anywhere
    from charrnn_exp.views.terminal import Terminal

    parsed, terminal = parse_arguments(words, COMMAND), Terminal()
    host = parsed.arguments.get("host", HOST)
    folder = find_run_anywhere(parsed.arguments.get("run", "latest"), lambda: read_tracking(parsed), needs_weights=True)
    with bind_port(parsed.arguments.get("port"), host, FIRST_PORT) as listener:
        if host not in LOOPBACK:
            terminal.warn(f"host={host}: whoever reaches this machine can use the model. There are no passwords.")
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            generator = open_generator(folder, parsed.arguments.get("checkpoint"), warn=terminal.warn)
            for note in generator.notes:
                terminal.warn(note)
            generator.warm_up()
            from charrnn_exp.serving.server import serve

            shown = f"[{host}]" if ":" in host else host
            address = f"http://{shown}:{listener.getsockname()[1]}"
            name = folder.label
            serve(generator, name, listener, host, lambda: print(f"{name}: {address}\nCtrl-C ends it.", flush=True))
        except KeyboardInterrupt:
            print()


COMMAND = Command(
    name="serve",
    order=8,
    summary="a page to type into, with a JSON API:                serve run=latest",
    usage="serve [run=REF] [port=8000] [host=127.0.0.1] [checkpoint=last|best] [tracking=server]",
    details=DETAILS,
    words=(RUN, Word("port"), Word("host", lambda: list(LOOPBACK)), CHECKPOINT),
    settings=("tracking.uri",),
    groups=("tracking",),
    run=run,
)

"""`--help`, written for people."""

from collections.abc import Sequence

from charrnn_exp.config.conf_folder import find_conf_folder, list_groups

MAIN = """\
charrnn_exp: experiments with character-level recurrent language models.

  python -m charrnn_exp [VERB] [setting=value ...]

VERBS (each has its own --help)
  train       train a model, sample from it, log it to MLflow; meant when no verb is given
  resume      go on with a run that was stopped, or go on longer:  resume run=latest training.epochs=20
  sample      more text from a run:                                sample run=latest sampling.temperature=0.5
  evaluate    loss, perplexity, accuracy of a run on a text:       evaluate run=latest split=test
  ui          compare the runs in the MLflow UI
  repair      mark runs that died, send MLflow what it missed
  completion  tab completion of the console script charrnn-exp

GROUPS AND THEIR OPTIONS (group=option)
{groups}

EXAMPLES
  python -m charrnn_exp                                              a first model of Python code, no network needed
  python -m charrnn_exp dataset=shakespeare model.hidden_size=512    Shakespeare, a larger model
  python -m charrnn_exp dataset=file dataset.path=book.txt training.epochs=20
  python -m charrnn_exp -m model.hidden_size=128,256,512             a sweep of three runs
  python -m charrnn_exp 'sampling.prompt="To be, or not"'            quotes for commas, '=' and quotes in a prompt;
                                                                     or sampling.prompt_file=FILE (- is standard input)

FLAGS
  -m             sweep over values with commas    --cfg job         show all settings of this run, do nothing
  --config-dir   a folder of your own YAML groups --version         of this package
  --hydra-help   Hydra's own flags

What a setting means: --help model.dropout; all of a group: --help optimizer. Values: conf/.
"""

TRAIN = """\
python -m charrnn_exp [train] [setting=value ...] [-m] [--cfg job] [--config-dir DIR]

Trains a model and leaves outputs/NAME/DATE/TIME/ with its config, checkpoints, metrics, samples and plots.
`python -m charrnn_exp --help` lists groups and examples; `--cfg job` shows all settings.
"""

RESUME = """\
python -m charrnn_exp resume [run=REF] [training.epochs=N] [training.max_steps=N] [tracking.*=...]

Goes on in the run's own folder from its newest whole checkpoint, to the same numbers as if it had never stopped.
REF is latest (default), a run folder, or the MLflow id of a run below outputs/.
With more epochs than before, a cosine schedule is stretched over the new total.
"""

SAMPLE = """\
python -m charrnn_exp sample [run=REF] [checkpoint=last|best] [sampling.*=...]

Writes text to standard output as it is drawn, with the run's own settings where none are given:
  sampling.length=4000 sampling.temperature=1 sampling.top_k=5 sampling.seed=7 sampling.num_samples=3
  sampling.temperature=0 is greedy: the likeliest symbol each time
  'sampling.prompt="ROMEO: say, what is"'    quotes within quotes, for commas, '=' and quotes
  sampling.prompt_file=FILE                  a UTF-8 file; - reads standard input
REF is latest (default), a run folder, or the MLflow id of a run below outputs/.
"""

EVALUATE = """\
python -m charrnn_exp evaluate [run=REF] [split=train|val|test|all] [text=FILE] [checkpoint=last|best]

Scores the parts of the run's own text (default: all that its dataset.split makes), or a file of yours:
  split=test            the test text only
  text=book.txt         all of a file, read in the encoding and unit of the run's own text; a symbol that the run
                        does not know is an error
  checkpoint=best       with the weights of the lowest val_loss in place of the last ones
The loss is in nats per character, and its standard error that of contiguous blocks (batch means).
REF is latest (default), a run folder, or the MLflow id of a run below outputs/.
"""

UI = """\
python -m charrnn_exp ui [tracking=server] [tracking.*=...] [port=5000] [open=false]

Serves the store in ./mlruns on 127.0.0.1 and prints the page with the loss curves of all runs; Ctrl-C ends it.
With tracking=server the server's own page is printed instead.
"""


REPAIR = """\
python -m charrnn_exp repair [run=REF] [tracking.*=...]

Looks at all runs below outputs/, or at one. A run whose process is gone without a word gets the status KILLED, and
MLflow the metrics, files and status that it lacks, after an outage or a kill. A run that is worked on is left alone.
"""


COMPLETION = """\
python -m charrnn_exp completion shell=bash|zsh|fish

Prints what makes the shell complete verbs, settings, their options and the runs below outputs/ with the tab key:
  eval "$(charrnn-exp completion shell=bash)"         in ~/.bashrc
  eval "$(charrnn-exp completion shell=zsh)"          in ~/.zshrc
  charrnn-exp completion shell=fish | source          in ~/.config/fish/config.fish
"""


VERBS = ("train", "resume", "sample", "evaluate", "ui", "repair", "completion")


def find_asked(words: Sequence[str]) -> list[str]:
    """Return the words after `--help`, without flags and without values.

    >>> find_asked(["--help", "model.dropout=0.5", "-m"])
    ['model.dropout']
    """
    flags = [place for place, word in enumerate(words) if word in ("-h", "--help")]
    after = words[flags[0] + 1 :] if flags else []
    return [word.partition("=")[0] for word in after if not word.startswith("-")]


def show_help(words: Sequence[str]) -> None:
    """Print the help of the verb, of the settings and groups that stand after `--help`, or the main one.

    Raises:
        UserError: if a word after `--help` is no verb, setting or group.
    """
    if asked := find_asked(words):
        if asked[0] not in VERBS:
            from charrnn_exp.config.describe import describe  # only then: YAML takes as long as all the rest of --help

            print("\n".join([describe(key) for key in asked]), end="")
            return
        words = asked
    match words[0]:
        case "train":
            print(TRAIN, end="")
        case "resume":
            print(RESUME, end="")
        case "sample":
            print(SAMPLE, end="")
        case "evaluate":
            print(EVALUATE, end="")
        case "ui":
            print(UI, end="")
        case "repair":
            print(REPAIR, end="")
        case "completion":
            print(COMPLETION, end="")
        case _:
            groups = list_groups([find_conf_folder()])
            print(MAIN.format(groups="\n".join(f"  {n:<11}{', '.join(o)}" for n, o in groups.items())), end="")

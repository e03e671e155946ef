"""The parts of a text, by named protocol."""

from dataclasses import dataclass

from charrnn_exp.config.options import Split
from charrnn_exp.data.vocabulary import Ids


@dataclass(frozen=True)
class Parts:
    """A text in parts.

    Args:
        train_n: ids of the training text.
        val_n: ids of the validation text; None where the protocol has none.
    """

    train_n: Ids
    val_n: Ids | None


def split_text(ids_n: Ids, protocol: Split) -> Parts:
    """Cut the text by the protocol; the parts are views, in text order, without overlap or loss.

    nanogpt: first 90 % (rounded down) training, the rest validation. Source: nanoGPT, data/shakespeare_char.
    none: all of it is training text.
    """
    match protocol:
        case Split.nanogpt:
            num_train = len(ids_n) * 9 // 10
            return Parts(ids_n[:num_train], ids_n[num_train:])
        case Split.none:
            return Parts(ids_n, None)
        case _:
            raise AssertionError(protocol)

"""Dynamic evaluation: how the weights follow the text that was scored, before TensorFlow is imported.

The text is one stream, cut into segments of a few characters. A segment is scored with the weights as they are, and
then they follow its gradient g (of the mean loss in nats), so that each prediction uses only what stands before it:

    sgd: w <- w - rate * g + decay * (w0 - w)
    rms: w <- w - rate * g / (r + epsilon) + min(decay * r / mean(r), 1) * (w0 - w)

w0 are the trained weights, r the root of the mean square of each weight's gradient on the training text, and mean(r)
that over all weights; where it is 0, so is the share of w0 - w. Streams side by side would adapt each to what stands
after it in another.

Source: Krause, Kahembwe, Murray and Renals 2018, Dynamic Evaluation of Neural Sequence Models, equations 3 to 7; the
segments are those of its character models.
"""

from dataclasses import asdict, dataclass
from enum import Enum

from charrnn_exp.errors import UserError

SEGMENT = 20
"""Characters of a segment."""
STATISTICS_STREAMS = 64
"""Streams of the training text whose mean gradient is squared for r."""
STATISTICS_WINDOWS = 200
"""Most segments of each stream that r is the mean of."""
EPSILON = 1e-4
"""Added to r. See docs/log/evaluation.md for this number and the rates and decays below."""


class Rule(Enum):
    """The rule of an update."""

    sgd = "sgd"
    rms = "rms"


RATES = {Rule.sgd: 0.03, Rule.rms: 0.00005}
DECAYS = {Rule.sgd: 0.001, Rule.rms: 0.001}


@dataclass(frozen=True)
class Adaptation:
    """How weights adapt to a text.

    Args:
        rule: of an update.
        rate: of the rule.
        decay: share of the way back to the trained weights in each update.
        epsilon: added to r by the rule rms.
        segment: characters from update to update.
    """

    rule: Rule
    rate: float
    decay: float
    epsilon: float = EPSILON
    segment: int = SEGMENT

    @property
    def label(self) -> str:
        """The name of adapted numbers, after that of their text."""
        return f"adapted ({self.rule.name})"

    def as_dict(self) -> dict[str, str | float]:
        """Return the rule and its numbers by name."""
        return {**asdict(self), "rule": self.rule.name}


def read_adaptation(rule: str | None, rate: float | None) -> Adaptation | None:
    """Return the adaptation that was asked for; None: none was.

    Args:
        rule: name of the rule, as typed; None: none.
        rate: above 0; None: the one in `RATES`.

    Raises:
        UserError: if one is not known, or a rate stands alone.
    """
    if rule is None:
        if rate is not None:
            raise UserError(f"adapt_rate must be left out without adapt=sgd or adapt=rms, got {rate:g}.")
        return None
    if rule not in Rule.__members__:
        raise UserError(f"adapt must be one of {', '.join(Rule.__members__)}, got {rule!r}.")
    chosen = Rule[rule]
    return Adaptation(chosen, RATES[chosen] if rate is None else rate, DECAYS[chosen])

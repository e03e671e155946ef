"""Samples as a table."""

from charrnn_exp.tracking.tables import build_table


def test_each_sample_is_a_row_with_what_it_was_drawn_with() -> None:
    assert build_table(["a\n", "b"], run="r", step=7, val_loss=1.23456, temperature=0.5) == {
        "sample": ["step 7, text 1", "step 7, text 2"],
        "text": ["a\n", "b"],
        "run": ["r", "r"],
        "step": [7, 7],
        "val_loss": [1.2346, 1.2346],
        "temperature": [0.5, 0.5],
    }

"""Samples as a table."""

from charrnn_exp.tracking.tables import build_table, find_val_loss


def test_each_sample_is_a_row_with_what_it_was_drawn_with() -> None:
    assert build_table(["a\n", "b"], run="r", step=7, val_loss=1.23456, temperature=0.5) == {
        "sample": ["step 7, text 1", "step 7, text 2"],
        "text": ["a\n", "b"],
        "run": ["r", "r"],
        "step": [7, 7],
        "val_loss": [1.2346, 1.2346],
        "temperature": [0.5, 0.5],
    }


def test_beside_a_sample_stands_the_loss_of_the_last_validation_up_to_its_step() -> None:
    losses = [(5, 2.5), (10, 2.0), (10, 1.5), (20, 1.0)]
    assert [find_val_loss(losses, step) for step in (4, 5, 10, 19, 20, 99)] == [None, 2.5, 1.5, 1.5, 1.0, 1.0]
    assert find_val_loss([], 3) is None

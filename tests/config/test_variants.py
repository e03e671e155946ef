"""Jobs of a sweep are composed as each would be alone."""

from typing import Any

import pytest
from omegaconf import OmegaConf

from charrnn_exp.config import variants
from charrnn_exp.config.compose import compose_jobs, open_conf, split_jobs
from charrnn_exp.config.variants import VariantComposer, compose_by_hydra, find_values
from charrnn_exp.config.words import write_words
from charrnn_exp.errors import UserError
from tests.conftest import slow_after

GROUPS = ["model", "optimizer", "dataset", "tracking", "experiment"]
SWEEPS = [
    ["seed=1,2,3", "optimizer.learning_rate=0.001,1e-2"],
    ["model=gru,lstm", "model.hidden_size=5,6", "model.embedding_dim=${model.hidden_size}"],
    ["model.embedding_dim=${model.hidden_size},${seed}", "seed=5,6"],
    ["sampling.prompt='a, b','c=d','${seed}',null", "name=x"],
    ["sampling.temperature=0.5,[0.1,2],1"],
    ["training.early_stopping_patience=3,null", "training.ema_decay=null,0.5"],
    ["experiment=notebook", "model.hidden_size=range(3,6)"],
    ["hydra.job.name=a,b", "seed=1,2"],
    ["seed=3,4", "++seed=5"],
    ["+model.extra.a=1,2", "seed=1,2"],
]


def show(composed: Any) -> Any:
    """Return all but what repeats the words of one job."""
    values: Any = OmegaConf.to_container(composed, resolve=False)
    for key in ("overrides", "job"):
        del values["hydra"][key]
    return values


@pytest.mark.parametrize("words", slow_after(4, SWEEPS), ids=" ".join)
def test_a_variant_is_what_hydra_composes(words: list[str]) -> None:
    with open_conf():
        jobs = split_jobs(words)
        composer = VariantComposer(jobs, GROUPS)
        for job in jobs:
            composed, expected = composer(job), compose_by_hydra(job)
            assert show(composed) == show(expected)
            assert composed.hydra.runtime.choices == expected.hydra.runtime.choices


def test_each_choice_of_groups_is_composed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def note(words: Any) -> Any:
        asked.append(tuple(words))
        return compose_by_hydra(words)

    monkeypatch.setattr(variants, "compose_by_hydra", note)
    assert len(compose_jobs(["model=gru,lstm", "seed=1,2,3,4", "name=a"], multirun=True)) == 8
    assert asked == [("model=gru", "name=a"), ("model=lstm", "name=a")]


@pytest.mark.parametrize(
    "words", slow_after(1, [["model.hidden_size=3,0"], ["seed=1,x"], ["seed=1,2", "model.extra.a=3,4"]])
)
def test_a_mistake_in_a_variant_is_told_as_in_a_run(words: list[str]) -> None:
    with open_conf():
        jobs = split_jobs(words)
    alone = []
    for job in jobs:
        try:
            compose_jobs(job)
        except UserError as error:
            alone += error.lines
    with pytest.raises(UserError) as caught:
        compose_jobs(words, multirun=True)
    assert sorted({*caught.value.lines}) == sorted({*alone})


def test_a_setting_within_another_that_is_typed_is_left_to_hydra() -> None:
    jobs = [["model.extra={a:1}", "model.extra.b=2", "seed=1"], ["model.extra={a:2}", "model.extra.b=3", "seed=2"]]
    assert find_values(jobs, GROUPS) == {"seed"}
    assert find_values([["+seed=1", "hydra.job.name=1"], ["+seed=2", "hydra.job.name=2"]], GROUPS) == set()
    assert find_values([["seed=1", "++seed=3"], ["seed=2", "++seed=3"]], GROUPS) == set()


def test_jobs_do_not_share_what_they_change() -> None:
    first, second, third = compose_jobs(write_words(["sampling.temperature=0.5,0.7,0.9"], multirun=True), multirun=True)
    assert [job.sampling.temperature for job in (first, second, third)] == [0.5, 0.7, 0.9]

"""The schema: every setting explained where it stands, no value in it."""

import ast
import inspect
import re
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import Any, get_args

import pytest

from charrnn_exp.config import choices
from charrnn_exp.config.schema import Config

SECTIONS: list[Any] = [Config, *(field.type for field in fields(Config) if is_dataclass(field.type))]


def read_field_docs(section: Any) -> dict[str, str | None]:
    """Return the string that follows each field, None where nothing does."""
    (tree,) = ast.parse(inspect.getsource(section)).body
    assert isinstance(tree, ast.ClassDef)
    docs: dict[str, str | None] = {}
    for node, following in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign):
            assert isinstance(node.target, ast.Name)
            text = following.value if isinstance(following, ast.Expr) else None
            docs[node.target.id] = str(text.value) if isinstance(text, ast.Constant) else None
    return docs


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_every_setting_is_followed_by_its_meaning(section: Any) -> None:
    docs = read_field_docs(section)
    assert list(docs) == [field.name for field in fields(section)]
    for field in fields(section):
        if not is_dataclass(field.type):
            text = docs[field.name]
            assert text, field.name
            assert text == text.strip(), field.name
            assert text.endswith("."), field.name


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_every_option_of_a_setting_is_named_in_its_meaning(section: Any) -> None:
    docs = read_field_docs(section)
    for field in fields(section):
        if isinstance(field.type, type) and issubclass(field.type, Enum):
            for option in field.type:
                assert option.name in str(docs[field.name]), f"{field.name}: {option.name}"


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_every_setting_that_may_be_off_says_what_null_means(section: Any) -> None:
    docs = read_field_docs(section)
    for field in fields(section):
        if type(None) in get_args(field.type):
            assert re.search(r"null[:;] | only\.", str(docs[field.name])), field.name


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_no_setting_has_a_value_in_the_schema(section: Any) -> None:
    for field in fields(section):
        assert field.default is MISSING, field.name
        assert field.default_factory is MISSING, field.name


def test_every_enum_and_section_says_what_it_is() -> None:
    own = [item for _, item in inspect.getmembers(choices, inspect.isclass) if item.__module__ == choices.__name__]
    assert len(own) > 5
    own += SECTIONS
    for item in own:
        assert ast.get_docstring(ast.parse(inspect.getsource(item)).body[0]), item.__name__  # type: ignore[arg-type]


def test_every_enum_is_written_as_it_is_named() -> None:
    for _, item in inspect.getmembers(choices, lambda thing: inspect.isclass(thing) and issubclass(thing, Enum)):
        assert [option.value for option in item] == [option.name for option in item]

"""The meaning, the type, the options and the default of every setting: `--help KEY` and docs/settings.md.

Meanings are the strings below the fields of config/schema.py, values the YAML files of conf/. Neither needs Hydra.
"""

import ast
import textwrap
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, get_args

import yaml

from charrnn_exp import options
from charrnn_exp.config import schema
from charrnn_exp.config.choices import CHOICES_OF
from charrnn_exp.config.conf_folder import find_conf_folder, list_groups
from charrnn_exp.config.offered import find_offered
from charrnn_exp.errors import UserError

WIDTH = 110
MAX_SHOWN = 40
"""Longest value of another option that is shown: addresses and checksums are not."""
NO_GROUPS = ("base", "local")
"""Folders of conf/ without options: common values, and the settings of one checkout."""
TYPE_NAMES = {int: "whole number", float: "number", str: "text", bool: "true or false"}
PAGE_HEAD = """\
# Settings

Each setting of a run: its meaning and range, its type, and the value of a run without overrides. This page is made by
`make settings` from `src/charrnn_exp/config/schema.py` and `conf/`. In a terminal:

    python -m charrnn_exp --help model.dropout
    python -m charrnn_exp --help optimizer
"""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The description of a setting.

    Args:
        key: dotted.
        meaning: in the words of the schema, range included.
        type_name: the values it takes, in words.
        default: value of a run without overrides, as YAML.
        other_defaults: other values as YAML, and the options of its group that bring them.
    """

    key: str
    meaning: str
    type_name: str
    default: str
    other_defaults: Mapping[str, list[str]]

    @property
    def all_defaults(self) -> str:
        """The default, and the values that other options of the group bring."""
        group = self.key.partition(".")[0]
        others = [f"; {value} with {group}={', '.join(options)}" for value, options in self.other_defaults.items()]
        return self.default + "".join(others)


@dataclass(frozen=True, kw_only=True)
class Group:
    """The description of a group of settings or of experiments.

    Args:
        name: of the group, "" for the settings that are in none.
        meaning: one or two sentences, "" where the schema has none.
        options: the names after `name=`, each with the first line of its file.
        default_option: the option of a run without overrides; None: none.
        settings: of the group.
    """

    name: str
    meaning: str
    options: Mapping[str, str]
    default_option: str | None
    settings: list[Setting]


def describe(key: str) -> str:
    """Return the description of a setting or a group as lines for a terminal; a package may offer the setting.

    Raises:
        UserError: if there is neither, with the nearest name, or if the package's option cannot be used.
    """
    groups = list_group_names()
    if key in groups:
        return _show_group(describe_group(key))
    section = key.rpartition(".")[0]
    if section in ("", *groups):
        for setting in describe_group(section).settings:
            if setting.key == key:
                return _show_setting(setting)
    if offered := find_offered(key):
        return _show_setting(_describe_offered(key, offered))
    from charrnn_exp.config.overrides import list_settings, suggest  # brings Hydra, 0.2 s
    from charrnn_exp.config.words import FREE_KEYS

    if f"{section}." in FREE_KEYS:  # a name that the user chooses
        return describe(section)
    hint = suggest(key, [*list_settings(), *groups])
    raise UserError(f"unknown setting {key!r}{hint or '. See --help, or --cfg job for all settings.'}")


def describe_group(name: str) -> Group:
    """Return the description of a group; "" means the settings outside of groups."""
    section = _find_section(name)
    options = list_groups([find_conf_folder()]).get(name, [])
    default_option = _read_default_options().get(name)
    settings = list(_describe_settings(name, section, options, default_option)) if section else []
    meaning = _read_meanings()[section.__name__][""] if section else ""
    leads = {option: _read_lead(find_conf_folder() / name / f"{option}.yaml") for option in options}
    return Group(name=name, meaning=meaning, options=leads, default_option=default_option, settings=settings)


def list_group_names() -> list[str]:
    """Return the groups of the schema in its order, then the others of conf/.

    >>> list_group_names()[:2]
    ['dataset', 'model']
    """
    sections = [field.name for field in fields(schema.Config) if is_dataclass(field.type)]
    return [*sections, *(name for name in list_groups([find_conf_folder()]) if name not in (*sections, *NO_GROUPS))]


def render_page() -> str:
    """Return docs/settings.md."""
    return PAGE_HEAD + "".join(_render_group(describe_group(name)) for name in ["", *list_group_names()])


def read_values(group: str, option: str | None) -> dict[str, Any]:
    """Return the values that an option of a group brings: the common ones of conf/base/, then its own.

    The group "" has the values of conf/config.yaml.
    """
    conf = find_conf_folder()
    paths = [conf / "base" / f"{group}.yaml", conf / group / f"{option}.yaml"] if group else [conf / "config.yaml"]
    values: dict[str, Any] = {}
    for path in paths:
        if path.is_file():
            values |= yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    return {key: value for key, value in values.items() if key not in ("defaults", "hydra")}


def _read_default_options() -> dict[str, str]:
    """Return the option of each group in the defaults list of conf/config.yaml."""
    root = yaml.safe_load((find_conf_folder() / "config.yaml").read_text(encoding="utf-8"))
    entries = [entry for entry in root["defaults"] if isinstance(entry, dict)]
    return {group: option for entry in entries for group, option in entry.items() if option and " " not in group}


def _find_section(group: str) -> Any:
    if not group:
        return schema.Config
    return next((field.type for field in fields(schema.Config) if field.name == group), None)


def _describe_settings(group: str, section: Any, options: list[str], default_option: str | None) -> Iterator[Setting]:
    meanings = _read_meanings()[section.__name__]
    by_option = {option: read_values(group, option) for option in options}
    usual = by_option[default_option] if default_option else read_values(group, None)
    for field in fields(section):
        if not is_dataclass(field.type):
            default, others = _show_value(usual[field.name]), dict[str, list[str]]()
            for option, values in by_option.items():
                value = _show_value(values[field.name])
                if value != default and len(value) <= MAX_SHOWN:
                    others.setdefault(value, []).append(option)
            key = f"{group}.{field.name}" if group else field.name
            yield Setting(
                key=key,
                meaning=meanings[field.name],
                type_name=_name_type(key, field.type),
                default=default,
                other_defaults={} if field.name == "name" else others,
            )


@cache
def _read_meanings() -> dict[str, dict[str, str]]:
    """Return the string below each field, by class and field; "" is the docstring of the class itself."""
    tree = ast.parse(Path(schema.__file__).read_text(encoding="utf-8"))
    meanings: dict[str, dict[str, str]] = {}
    for section in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        found = meanings[section.name] = {"": " ".join((ast.get_docstring(section) or "").split())}
        for node, below in zip(section.body, section.body[1:], strict=False):
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and isinstance(below, ast.Expr):
                found[node.target.id] = " ".join(ast.literal_eval(below.value).split())
    return meanings


def _read_lead(path: Path) -> str:
    """Return the question of an experiment, or the first comment on top of another YAML file, "" without one."""
    comments = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        comments.append(line.lstrip("# "))
    questions = [line.removeprefix("Question:").strip() for line in comments if line.startswith("Question:")]
    return next(iter([*questions, *(line for line in comments if not line.startswith("@"))]), "")


def _describe_offered(key: str, offered: options.Setting) -> Setting:
    default = _show_value(offered.default)
    kind = TYPE_NAMES[offered.kind] + (" or null" if offered.default is None else "")
    return Setting(key=key, meaning=offered.meaning, type_name=kind, default=default, other_defaults={})


def _name_type(key: str, type_: Any) -> str:
    """Return the type of a setting in words, `whole number or null`; choices are the names of the built-in ones."""
    if isinstance(type_, types.UnionType):
        return " or ".join(_name_type(key, each) for each in get_args(type_))
    if type_ is types.NoneType:
        return "null"
    if key in CHOICES_OF:
        return "one of " + ", ".join(CHOICES_OF[key].built_in)
    if isinstance(type_, type) and issubclass(type_, Enum):
        return "one of " + ", ".join(option.name for option in type_)
    if type_ in TYPE_NAMES:
        return TYPE_NAMES[type_]
    return "list" if str(type_).startswith("list[") else "values by name"


def _show_value(value: Any) -> str:
    """Return a value as it is typed after `key=`.

    >>> [_show_value(value) for value in (None, True, 0.5, ["a", "b"], {}, "two words")]
    ['null', 'true', '0.5', '[a, b]', '{}', 'two words']
    """
    if isinstance(value, str) and value.isprintable() and value.strip():
        return value
    text: str = yaml.safe_dump(value, default_flow_style=True, width=1000)
    return text.removesuffix("...\n").strip()


def _show_setting(setting: Setting) -> str:
    offered = CHOICES_OF[setting.key].list_offered() if setting.key in CHOICES_OF else []
    of_packages = f"; of installed packages {', '.join(offered)}" if offered else ""
    lines = [setting.meaning, f"Takes {setting.type_name}{of_packages}; default {setting.all_defaults}."]
    return "".join([f"{setting.key}\n", *(_indent(line) for line in lines)])


def _show_group(group: Group) -> str:
    shown = [f"{group.name}: {group.meaning}\n" if group.meaning else f"{group.name}\n"]
    if group.options:
        width = max(map(len, group.options))
        shown.append(f"\nOPTIONS ({group.name}=OPTION; {group.default_option or 'none'} where none is given)\n")
        shown += [f"  {f'{option:<{width}}  {lead}'.rstrip()}\n" for option, lead in group.options.items()]
    if group.settings:
        shown.append("\nSETTINGS\n")
        shown += [textwrap.indent(_show_setting(setting), "  ") for setting in group.settings]
    return "".join(shown)


def _indent(line: str) -> str:
    wrapped = textwrap.wrap(line, WIDTH, break_long_words=False, break_on_hyphens=False)
    return "".join(f"  {part}\n" for part in wrapped)


def _render_group(group: Group) -> str:
    lines = ["", f"## {group.name or 'Without a group'}", "", *([group.meaning, ""] if group.meaning else [])]
    if len(group.options) > 1:
        lines += [f"| `{group.name}=` | |", "| --- | --- |"]
        for option, lead in group.options.items():
            lines.append(f"| `{option}`{' (default)' if option == group.default_option else ''} | {_escape(lead)} |")
        lines.append("")
    if group.settings:
        lines += ["| setting | meaning | takes | default |", "| --- | --- | --- | --- |"]
        for each in group.settings:
            cells = [f"`{each.key}`", _escape(each.meaning), _escape(each.type_name), _escape(each.all_defaults)]
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines[:-1]) + "\n"


def _escape(text: str) -> str:
    """Return text that stands for itself in a cell of a Markdown table."""
    for character in "\\|*_<":
        text = text.replace(character, "\\" + character)
    return text

"""Pages of the site that stand in the root of the repository: README, CONTRIBUTING and CHANGELOG.

There a link to a page of docs/ begins with docs/; on the site all pages lie side by side.
"""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}


def on_files(files: Any, *, config: Any) -> Any:
    """Add the pages of the root to those of docs/."""
    root = Path(config.config_file_path).parent
    for source, page in PAGES.items():
        files.append(File.generated(config, page, content=move_links((root / source).read_text(encoding="utf-8"))))
    return files


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:
    """Let links of docs/ to the pages of the root find them."""
    for source, name in PAGES.items():
        markdown = markdown.replace(f"](../{source}", f"]({name}").replace(f"](../../{source}", f"](../{name}")
    return markdown


def move_links(text: str) -> str:
    """Return the text of a page of the root with its links as they are on the site.

    >>> move_links("[a](docs/log/README.md) [b](CHANGELOG.md#x)")
    '[a](log/README.md) [b](changelog.md#x)'
    """
    text = re.sub(r"\]\(docs/", "](", text)
    for source, name in PAGES.items():
        text = text.replace(f"]({source}", f"]({name}")
    return text

"""The frame of a page: its style, its script, and what keeps a text from becoming markup."""

import base64
import hashlib
import html
from collections.abc import Iterable, Sequence

from charrnn_exp.streams import escape_controls, escape_line

STYLE = """
:root { color-scheme: light dark; --bg: #ffffff; --fg: #1b1f24; --soft: #57606a; --line: #d0d7de; --panel: #f6f8fa;
  --accent: #0a5cad; --c0: #0068ad; --c1: #b84a00; --c2: #00785a; --c3: #a5407d; --c4: #7d6200; --c5: #5b45b0;
  --c6: #a61b1b; --c7: #3d6672; --rest: #77808a; }
@media (prefers-color-scheme: dark) { :root { --bg: #0f1318; --fg: #e6eaef; --soft: #a3adb8; --line: #343b44;
  --panel: #181d24; --accent: #7db8f0; --c0: #5cb3f0; --c1: #ff9057; --c2: #35cfa0; --c3: #ee9ccb; --c4: #e0bf3a;
  --c5: #b5a5ff; --c6: #ff8585; --c7: #9ccbd9; --rest: #8b949e; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1480px; padding: 1rem; background: var(--bg); color: var(--fg);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: .4rem 0; } h2 { font-size: 1.25rem; margin: 2.2rem 0 .4rem; }
h3 { font-size: 1.05rem; margin: 1.6rem 0 .4rem; } p, ul { margin: .4rem 0; max-width: 95ch; }
.soft { color: var(--soft); } a { color: var(--accent); }
.wide { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; }
.wide:focus-visible, summary:focus-visible, button:focus-visible, pre:focus-visible, input:focus-visible + span {
  outline: 3px solid var(--accent); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; overflow-wrap: normal; }
th, td { padding: .3rem .6rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th { background: var(--panel); } tr:last-child td { border-bottom: 0; }
.left { text-align: left; } .texts td { white-space: normal; overflow-wrap: anywhere; min-width: 5.5rem; }
th button { font: inherit; font-weight: 600; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 27rem), 1fr)); gap: 1rem; }
figure.one { max-width: 860px; } .wide + .plots { margin-top: 1rem; }
figure { margin: 0; padding: .6rem; border: 1px solid var(--line); border-radius: 6px; background: var(--panel); }
figcaption { font-weight: 600; margin-bottom: .3rem; }
figure > svg, .wide > svg, figure img { display: block; width: 100%; height: auto; }
svg text { fill: var(--fg); font: 12px system-ui, sans-serif; }
svg .axis { stroke: var(--soft); } svg .grid { stroke: var(--line); }
svg .line { fill: none; stroke-width: 2; } svg .thin { fill: none; stroke-width: 1; opacity: .55; }
svg .band { stroke: none; opacity: .16; }
.k { display: inline-block; width: 1.4em; text-align: center; font-weight: 700; border-radius: 4px; }
.switch, .legend { display: flex; flex-wrap: wrap; gap: .3rem .6rem; border: 0; margin: .2rem 0 .6rem; padding: 0; }
.switch label, .legend label { display: inline-flex; align-items: center; gap: .35rem; min-height: 1.8rem; }
figure.pane { display: none; max-width: 860px; } .hidden { display: none; }
.x0:checked ~ .panes figure.p0, .x1:checked ~ .panes figure.p1, .x2:checked ~ .panes figure.p2 { display: block; }
.samples { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1rem; }
pre { margin: 0; padding: .6rem; overflow: auto; max-height: 24rem; font: .85rem/1.45 ui-monospace, monospace;
  white-space: pre-wrap; background: var(--panel); border: 1px solid var(--line); border-radius: 6px; }
summary { cursor: pointer; font-weight: 600; padding: .3rem 0; }
@media (max-width: 600px) { svg text { font-size: 15px; } }
@media print { figure.pane { display: block; } pre { max-height: none; } }
"""
SCRIPT = """
for (const box of document.querySelectorAll('.legend input')) box.addEventListener('change', () => {
  for (const line of box.closest('section').querySelectorAll('[data-line="' + box.value + '"]'))
    line.classList.toggle('hidden', !box.checked);
});
for (const button of document.querySelectorAll('th button')) button.addEventListener('click', () => {
  const head = button.parentElement, place = head.cellIndex, body = head.closest('table').tBodies[0];
  const up = head.getAttribute('aria-sort') !== 'ascending';
  for (const other of head.parentElement.cells) other.removeAttribute('aria-sort');
  head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
  const read = row => row.cells[place].textContent.trim();
  const number = text => parseFloat(text.replaceAll(',', ''));
  const rows = [...body.rows].sort((a, b) => {
    const x = read(a), y = read(b), p = number(x), q = number(y);
    return (isNaN(p) || isNaN(q) ? (isNaN(p) - isNaN(q)) || x.localeCompare(y) : p - q) * (up ? 1 : -1);
  });
  body.append(...rows);
});
"""


def write_document(title: str, body: str, *, has_pictures: bool = False, style: str = "", script: str = "") -> str:
    """Return the whole page; its policy lets no script but its own run, and nothing be fetched.

    Args:
        title: of the page, any text.
        body: markup.
        has_pictures: whether pictures stand in it as data.
        style: rules of this page, after those of all.
        script: of this page, ours, after that of all.
    """
    script = SCRIPT + script
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    policy += "; img-src data:" if has_pictures else ""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}{style}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n"
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def escape(text: str) -> str:
    """Return any text as the text of an element or of a quoted attribute, on one line."""
    return html.escape(escape_line(text), quote=True)


def escape_block(text: str) -> str:
    """Return any text as the text of an element, with its lines."""
    return html.escape(escape_controls(text), quote=True)


def write_picture(title: str, *, light: bytes, dark: bytes) -> str:
    """Return a figure with a PNG for each kind of page.

    Args:
        title: in its place, where it cannot be seen; any text.
        light: shown on a light page.
        dark: shown on a dark one.
    """
    pictures = [f"data:image/png;base64,{base64.b64encode(each).decode()}" for each in (dark, light)]
    return (
        f'<figure><picture><source media="(prefers-color-scheme: dark)" srcset="{pictures[0]}">'
        f'<img src="{pictures[1]}" alt="{escape(title)}"></picture></figure>'
    )


def write_table(header: Sequence[str], rows: Iterable[Sequence[str]], *, label: str, texts: Sequence[str]) -> str:
    """Return a table whose columns can be sorted.

    Args:
        header: a name for each column, any text.
        rows: a text for each column, any text.
        label: of the table, for screen readers.
        texts: headers of the columns of text, which are left-aligned.
    """
    left = [' class="left"' if name in texts else "" for name in header]
    heads = "".join(
        f'<th scope="col"{side}><button type="button">{escape(name)}</button></th>'
        for name, side in zip(header, left, strict=True)
    )
    lines = "\n".join(
        "<tr>" + "".join(f"<td{side}>{escape(cell)}</td>" for cell, side in zip(row, left, strict=True)) + "</tr>"
        for row in rows
    )
    kind = ' class="texts"' if set(texts) == set(header) else ""
    return (
        f'<div class="wide" role="region" tabindex="0" aria-label="{escape(label)}"><table{kind}>'
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{lines}\n</tbody></table></div>"
    )

"""What stands on top of each view: the run, the text, and the way back."""

from charrnn_exp.evaluation.insight.subject import Subject
from charrnn_exp.views.html.document import escape


def write_heading(title: str, subject: Subject, sentences: str, *, other: Subject | None = None) -> str:
    """Return the heading of a page.

    Args:
        title: any text.
        subject: of the page.
        sentences: what it shows, markup of ours.
        other: the second run of two.
    """
    runs = " and ".join(
        f"{name}<code>{escape(each.folder.label)}</code>"
        for name, each in (("A: " if other else "run ", subject), ("B: ", other))
        if each is not None
    )
    read = ""
    if subject.num_characters:
        unit = "bytes" if subject.vocabulary.unit.name == "byte" else "characters"
        read = f", the first {subject.num_characters:,} {unit} of the {escape(subject.text_name)}"
    return f'<h1>{escape(title)}</h1>\n<p class="soft">{runs}{read}.</p>\n<p>{sentences}</p>'

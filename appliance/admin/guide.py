"""A connector's `guide.md` as HTML. Raw HTML in it is shown as text, and links are text with their address."""

from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

# The page has its own h1 and the guide stands below an h2.
_HEADINGS = {"h1": "h3", "h2": "h3", "h3": "h4", "h4": "h5", "h5": "h6", "h6": "h6"}


def render_guide(text: str) -> Markup:
    """Safe HTML of a guide; empty for an empty one."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    tokens = markdown.parse(text)
    for token in tokens:
        token.tag = _HEADINGS.get(token.tag, token.tag)
        token.attrs.pop("style", None)  # column alignment comes as inline style, which the pages do not allow
        if token.children:
            token.children = _links_as_text(token.children)
    return Markup(markdown.renderer.render(tokens, markdown.options, {}))  # noqa: S704 - HTML is off, see above


def _links_as_text(tokens: Sequence[Token]) -> list[Token]:
    plain: list[Token] = []
    addresses: list[str] = []
    for token in tokens:
        if token.type == "link_open":
            addresses.append(str(token.attrs.get("href", "")))
        elif token.type == "link_close":
            address = addresses.pop()
            if not plain or plain[-1].content != address:
                plain.append(Token("text", "", 0, content=f" ({address})"))
        else:
            plain.append(token)
    return plain

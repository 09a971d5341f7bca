"""The guide: the pages of `appliance/docs` as HTML, with links among them. Raw HTML in them is shown as text."""

import functools
import re
from importlib import resources
from itertools import pairwise
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from appliance.errors import NotFound

PAGES = (
    *("install", "connect", "api", "operate", "harden"),
    *("security", "upgrade", "recover", "connectors"),
)
"""In the order of a reader who begins; each is a file `appliance/docs/<page>.md`."""
ADDRESS = "/docs/guide"

_TO_A_PAGE = re.compile(rf"({'|'.join(PAGES)})\.md(#[a-z0-9-]+)?")
_SERVED = re.compile(r"#[a-z0-9-]+|/docs(/[a-z]+)?(#[\w-]+)?")


class PageUnknown(NotFound):
    """The guide has no such page."""

    code = "GUIDE_PAGE_NOT_FOUND"


class Page(NamedTuple):
    """`title` is that of its only heading of the first level, with which `content` begins."""

    name: str
    title: str
    content: Markup


def source_of(name: str) -> str:
    """The Markdown of a page. Raises PageUnknown."""
    if name not in PAGES:
        raise PageUnknown(f"The guide has no page {name[:40]!r}. It has: {', '.join(PAGES)}.")
    return (resources.files("appliance") / "docs" / f"{name}.md").read_text("utf-8")


@functools.cache
def page(name: str) -> Page:
    """Raises PageUnknown."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    tokens = markdown.parse(source_of(name))
    for token, inline in pairwise(tokens):
        token.attrs.pop("style", None)  # column alignment comes as inline style, which the pages do not allow
        if token.type == "table_open":
            token.attrSet("class", "plain")
        if token.type == "heading_open":
            token.attrSet("id", slug(inline.content))
    for token in tokens:
        if token.children:
            token.children = _linked(token.children)
    title = next(inline.content for token, inline in pairwise(tokens) if token.tag == "h1")
    content = markdown.renderer.render(tokens, markdown.options, {})
    return Page(name, title, Markup(content))  # noqa: S704 - HTML is off, see above


def slug(heading: str) -> str:
    """The anchor of a heading."""
    return re.sub(r"[^a-z0-9 -]", "", heading.lower()).strip().replace(" ", "-")


def _linked(tokens: list[Token]) -> list[Token]:
    """Links to pages as they are served; other addresses as text after theirs, for a reader without the internet."""
    found: list[Token] = []
    addresses: list[str | None] = []
    for token in tokens:
        if token.type == "link_open":
            address = str(token.attrs.get("href", ""))
            to_a_page = _TO_A_PAGE.fullmatch(address)
            if to_a_page is not None:
                token.attrSet("href", f"{ADDRESS}/{to_a_page[1]}{to_a_page[2] or ''}")
            is_served = to_a_page is not None or _SERVED.fullmatch(address) is not None
            addresses.append(None if is_served else address)
            if is_served:
                found.append(token)
        elif token.type == "link_close":
            elsewhere = addresses.pop()
            found.append(token if elsewhere is None else Token("text", "", 0, content=f" ({elsewhere})"))
        else:
            found.append(token)
    return found

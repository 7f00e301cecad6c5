"""The pages of `/` and `/v1/problems`, for people."""

import html
import re
from typing import Final

from gateway.api.about.schemas import Index, ProblemType, ProblemTypes
from gateway.semantics.problem_types import PAGES

_CODE: Final = re.compile("`([^`]+)`")
_STYLE: Final = """\
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse}th,td{text-align:left;vertical-align:top;padding:.3rem .8rem .3rem 0}
code{font:.9em ui-monospace,monospace}"""


def index_page(index: Index) -> str:
    """The links of the API."""
    links = "".join(f'<li><a href="{html.escape(one.href)}">{html.escape(one.title)}</a></li>' for one in index.links)
    return _page(index.name, f"<p>Version {html.escape(index.version)}</p><ul>{links}</ul>")


def problems_page(types: ProblemTypes) -> str:
    """A table of every type."""
    rows = "".join(
        f'<tr><td><a href="{one.type}"><code>{one.reason}</code></a></td><td>{one.status}</td>'
        f"<td>{_text(one.meaning)}</td></tr>"
        for one in types.items
    )
    return _page("Problems", f"<table><tr><th>reason</th><th>status</th><th>meaning</th></tr>{rows}</table>")


def problem_page(known: ProblemType) -> str:
    """One type."""
    retry = "The same request may succeed later." if known.retryable else "Repeating the same request does not help."
    return _page(
        known.reason,
        f"<p>{_text(known.meaning)}</p><p><strong>What to do:</strong> {_text(known.what_to_do)}</p>"
        f'<p>HTTP status {known.status}. {retry}</p><p><a href="{PAGES}">All problems</a></p>',
    )


def _page(title: str, body: str) -> str:
    name = html.escape(title)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><h1>{name}</h1>{body}</body></html>"
    )


def _text(text: str) -> str:
    return _CODE.sub(r"<code>\1</code>", html.escape(text))

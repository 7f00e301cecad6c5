"""Answers reads in the shape that the client wants. A request that wants none passes at the cost of two look-ups."""

import asyncio
import re
from collections.abc import Awaitable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote

from pydantic_core import from_json, to_json
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.dependencies import dependencies
from gateway.problems import answer as problem_of
from gateway.problems import fault_response
from gateway.reshaping.inner import Answer, Headers, collected, read, whole
from gateway.reshaping.offers import Expansion, Offer
from gateway.reshaping.rows import Csv, NdJson, Rows
from gateway.reshaping.wanted import CSV, EXPAND, JSON, Wanted, check, preferred, read_wanted, refused
from gateway.semantics.conditions import etag_with_digest, version_of
from gateway.semantics.fields import fields
from gateway.semantics.page_links import page_links
from mesh.core import context
from mesh.core.context import working_on
from mesh.core.errors import Invalid, MeshError
from mesh.wire.field_reasons import FieldReason

if TYPE_CHECKING:
    from gateway.routing.completing import Completion

LONGEST_PAGE: Final = 200
_SHAPED: Final = re.compile(rb"fields|expand|%")
"""A query that may have one of the parameters; their names may be percent-encoded."""
_OF_THE_PLAIN_ANSWER: Final = frozenset({b"age", b"cache-control", b"etag"})
_OF_JSON: Final = _OF_THE_PLAIN_ANSWER | {b"content-length", b"content-type", b"link"}
_NO_STORE: Final = (b"cache-control", b"no-store")

Item = dict[str, Any]


class Reshaping:
    """Reads `fields`, `expand` and Accept, and makes that shape of what the route answers.

    The route sees the request without them, so access, filters and errors are those of the plain request.
    `timeout`: seconds for each page of a list that is sent whole.
    """

    def __init__(self, app: ASGIApp, offers: Iterable[Offer], timeout: float) -> None:
        self._app = app
        self._offers = tuple(offers)
        self._timeout = timeout

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """See ASGI. It is not async: a request that wants no other shape costs no coroutine."""
        if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"}:
            return self._app(scope, receive, send)
        accept = fields(scope).get(b"accept", b"")
        kind = preferred(accept) if b"csv" in accept or b"ndjson" in accept else JSON
        if kind == JSON and not (scope["query_string"] and _SHAPED.search(scope["query_string"])):
            return self._app(scope, receive, send)
        offer = next((one for one in self._offers if one.pattern.match(scope["path"])), None)
        if offer is None:
            return self._app(scope, receive, send)
        wanted = read_wanted(scope["query_string"])
        shape = _Shape(self._app, scope, offer, wanted)
        if kind != JSON and offer.is_list:
            return self._whole(shape, kind, receive, send)
        return self._one(shape, receive, send)

    async def _one(self, shape: "_Shape", receive: Receive, send: Send) -> None:
        """One answer of the route, in the wanted shape."""
        shape.scope["query_string"] = shape.wanted.without()
        answer = await collected(self._app, shape.scope, receive)
        if answer.ok:
            answer = await shape.made_of(answer)
        await answer.response()(shape.scope, receive, send)

    async def _whole(self, shape: "_Shape", kind: bytes, receive: Receive, send: Send) -> None:
        """The whole list from the first page on, page by page: no more than a page is kept."""
        wanted, scope = shape.wanted, shape.scope
        single = wanted.given("limit") or wanted.given("ids")
        size = b"" if single else b"limit=%d" % LONGEST_PAGE
        scope["query_string"] = b"&".join(filter(None, (wanted.without(*(() if single else ("limit",))), size)))
        answer = await collected(self._app, scope, receive)
        if not answer.ok:
            await answer.response()(scope, receive, send)
            return
        try:
            rows = shape.rows(kind)
        except Invalid as fault:
            await fault_response(fault)(scope, receive, send)
            return
        items, cursor, failure = await shape.page(answer)
        if failure is not None:
            await failure.response()(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": _list_headers(answer, rows, scope, kind)})
        part = rows.head() + rows.lines(items)
        path, rest = quote(scope["path"]), wanted.without("limit", "cursor").decode("latin-1")
        while cursor is not None and not single and scope["method"] != "HEAD":
            await send({"type": "http.response.body", "body": part, "more_body": True})
            target = f"{path}?{rest}{'&' if rest else ''}{size.decode()}&cursor={cursor}"
            with working_on(self._with_time()):
                answer = await read(self._app, scope, target)
                items, cursor, failure = await shape.page(answer) if answer.ok else ([], None, answer)
            part = rows.lines(items)
            if failure is not None:
                part, cursor = rows.stopped(failure.body), None
        await send({"type": "http.response.body", "body": part, "more_body": False})

    def _with_time(self) -> context.Context:
        """The current request with the time of a new one: a long list takes longer than a page."""
        return context.in_request()._replace(deadline=asyncio.get_running_loop().time() + self._timeout)


@dataclass(frozen=True)
class _Shape:
    """The shape that a request wants of what a route offers."""

    app: ASGIApp
    scope: Scope
    offer: Offer
    wanted: Wanted

    def check(self) -> None:
        """Raise Invalid for what the route does not offer. Only a request that may read learns of it."""
        beside = (name for name in self.wanted.expand if name in self.offer.beside)
        check(self.wanted, (*self.offer.names, *beside), self.offer.expandable)

    def rows(self, kind: bytes) -> Rows:
        """What writes a list. Raises Invalid."""
        self.check()
        if kind != CSV:
            return NdJson()
        if self.wanted.expand:
            raise refused(EXPAND, FieldReason.NOT_ALLOWED, "cannot go with text/csv: a cell has no object")
        return Csv(self.wanted.fields or self.offer.names)

    async def made_of(self, answer: Answer) -> Answer:
        """The route's answer in this shape, or the problem that prevents it."""
        try:
            self.check()
        except Invalid as fault:
            return whole(fault_response(fault))
        if not (self.wanted.fields or self.wanted.expand):
            return answer
        document = from_json(answer.body)
        items, cursor = (document["items"], document["next_cursor"]) if self.offer.is_list else ([document], None)
        if (failure := await self._expand(items)) is not None:
            return failure
        shown = [self._selected(item) for item in items]
        body = to_json({**document, "items": shown} if self.offer.is_list else shown[0])
        return Answer(
            answer.status, [*self._headers(answer, body, cursor), (b"content-length", b"%d" % len(body))], body
        )

    async def page(self, answer: Answer) -> tuple[list[Item], str | None, Answer | None]:
        """The items of a page in this shape, the cursor of the next one, and what failed."""
        document = from_json(answer.body)
        failure = await self._expand(document["items"])
        return [self._selected(item) for item in document["items"]], document["next_cursor"], failure

    def _selected(self, item: Item) -> Item:
        names = self.wanted.fields
        return {name: item[name] for name in item if name in names} if names else item

    async def _expand(self, items: list[Item]) -> Answer | None:
        """Add what is wanted to the items: one read for each kind, all at once. Returns the first that failed."""
        parts = [name for name in self.wanted.expand if name in self.offer.parts]
        adding = [
            self._add_objects(self.offer.expansions[one], items) for one in self.wanted.expand if one not in parts
        ]
        if parts and items:
            adding.append(self._add_parts(parts, items))
        return next((failure for failure in await asyncio.gather(*adding) if failure is not None), None)

    async def _add_objects(self, expansion: Expansion, items: list[Item]) -> Answer | None:
        """Put whole objects beside their ids. Returns what failed."""
        places = [*_places(expansion, items)]
        found: Mapping[Any, Item] = {}
        if keys := dict.fromkeys(place[expansion.key] for place in places if place[expansion.key] is not None):
            ids = ",".join(str(key) for key in keys)
            answer = await read(self.app, self.scope, f"{expansion.path}?ids={ids}")
            if not answer.ok:
                return answer
            found = {one[expansion.key]: one for one in from_json(answer.body)["items"]}
        for place in places:
            place[expansion.name] = found.get(place[expansion.key])
        return None

    async def _add_parts(self, names: Collection[str], items: list[Item]) -> Answer | None:
        """Add these fields to each item, for the same user as the list. Returns what failed."""
        completion, request = cast("Completion", self.offer.completion), Request(self.scope)
        try:
            found = await completion.read(dependencies(request).client.call, [item[completion.key] for item in items])
        except MeshError as error:
            return whole(await problem_of(request, error))
        for item in items:
            one = found.get(item[completion.key])
            item.update(dict.fromkeys(names) if one is None else one.model_dump(include={*names}))
        return None

    def _headers(self, answer: Answer, body: bytes, cursor: str | None) -> Headers:
        """Those of the route, with links to pages of this shape.

        With other objects inside, the ETag has a digest, and the answer is for this user.
        """
        headers = [header for header in answer.headers if header[0] not in {b"content-length", b"link"}]
        if answer.header(b"link") is not None:
            links = page_links(self.scope["path"], self.wanted.query, cursor)
            headers.append((b"link", links.encode("latin-1")))
        etag = dict(headers).get(b"etag")
        if not self.wanted.expand or etag is None:
            return headers
        tag = etag_with_digest(version_of(etag), body)
        return [*(header for header in headers if header[0] not in _OF_THE_PLAIN_ANSWER), (b"etag", tag)]


def _places(expansion: Expansion, items: Iterable[Item]) -> Iterator[Item]:
    return chain.from_iterable(expansion.places(item) for item in items)


def _list_headers(answer: Answer, rows: Rows, scope: Scope, kind: bytes) -> Headers:
    kept = [header for header in answer.headers if header[0] not in _OF_JSON]
    name = scope["path"].rpartition("/")[2].encode()
    ending = b"csv" if kind == CSV else b"ndjson"
    named = (b"content-disposition", b'attachment; filename="%b.%b"' % (name, ending))
    return [*kept, (b"content-type", rows.media_type), named, (b"vary", b"Accept"), _NO_STORE]

"""Requests that fit each route, and what can be wrong with one."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from fastapi import FastAPI

from tests.support.gateway.tokens import bearer
from tests.support.gateway.two_ways import DISCONNECTED, LIMIT, Asked

USER, ADMIN = bearer("USER")["Authorization"], bearer("ADMIN")["Authorization"]

METHODS: Final = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "get", "BREW")
SUFFIXES: Final = (
    "/",
    "//",
    "/x",
    "?",
    "%00",
    "%0A",
    "%2F",
    "%252F",
    "%FF",
    "%C3%A9",
    "%20",
    ".",
    "/..",
    "/%2e%2e",
    ";a=1",
)
SEGMENTS: Final = (
    "",
    "%00",
    "%FF",
    "%0A",
    "ALFKI%0A",
    "alfki",
    "ALFKIS",
    "%C3%84LFKI",
    "%41LFKI",
    "%2541LFKI",
    "A%2FB",
)
NUMBERS: Final = ("0", "-1", "+1", "1.0", "1_0", "%201", "01", "2147483648", "9" * 400, "%D9%A1", "null", "true", "one")
QUERIES: Final = (
    b"limit=1",
    b"limit=0&limit=1",
    b"limit=1.0",
    b"limit=",
    b"limit",
    b"=",
    b"=1",
    b"&&",
    b"unknown=1",
    b"unknown=1&limit=x&other=2",
    b"q=%00",
    b"q=%ff",
    b"q=%ed%a0%80",
    b"q=\xff\xfe",
    b"q=a+b%20c",
    b"q=%C3%BC",
    b"q=" + b"x" * 101,
    b"country=",
    b"country=null&city=Berlin",
    b"sort=-city",
    b"sort=colour",
    b"discontinued=true&low_stock=no",
    b"min_price=1.5&max_price=NaN",
    b"category_id=1&supplier_id=9999999999",
    b"cursor=YWJj",
    b"cursor=%2F",
    b"customer_id=ALFKI",
    b"product_id=2",
    b"mesh=1&request=2&response=3&body=4&_=5",
    b"%6cimit=2",
    b"limit=1;q=2",
)
HEADERS: Final = (
    *((b"authorization", value) for value in (b"Bearer", b"Bearer a.b.c", b"Basic eA==", USER.encode(), b"\xff")),
    (b"authorization", bearer("USER", exp=1)["Authorization"].encode()),
    (b"authorization", bearer()["Authorization"].encode()),
    (b"authorization", bearer("ADMIN", aud="others")["Authorization"].encode()),
    (b"authorization", bearer("ADMIN", kid="unknown")["Authorization"].encode()),
    (b"authorization", ADMIN.replace("Bearer", "bearer").encode()),
    (b"authorization", ADMIN[:-4].encode() + b"AAAA"),
    *((b"if-match", tag) for tag in (b'"3"', b'"4"', b"*", b"3", b"", b'W/"3"', b'"3", "4"', b"\xff", b"x" * 201)),
    *((b"if-none-match", tag) for tag in (b'"3"', b'W/"3"', b'"2"', b"*", b"", b"\xff", b'"' + b"x" * 2001 + b'"')),
    *((b"idempotency-key", key) for key in (b"k1", b"", b"x" * 256, b"a b", b"\xc3\xa9", b"tab\there")),
    *((b"x-request-id", text) for text in (b"", b"two words", b"\xe9", b"x" * 129)),
    *((b"traceparent", text) for text in (b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", b"x" * 600)),
    *((b"expect", text) for text in (b"100-continue", b"200-ok")),
    (b"accept", b"text/html"),
    (b"cookie", b"a=1"),
    (b"host", b""),
    (b"origin", b"https://elsewhere.example"),
)
TWICE: Final = (
    b"authorization",
    b"idempotency-key",
    b"if-match",
    b"if-none-match",
    b"content-type",
    b"host",
    b"accept",
)
CONTENT_TYPES: Final = (
    b"application/json; charset=utf-8",
    b"application/json;charset=latin-1",
    b"APPLICATION/JSON",
    b" application/json ",
    b"application/json, text/html",
    b"application/merge-patch+json",
    b"application/jsonx",
    b"application/x-www-form-urlencoded",
    b"text/json",
    b"json",
    b"application/json/x",
    b"\xffapplication/json",
    b"; application/json",
    b"",
)
BODIES: Final[tuple[tuple[bytes | str, ...], ...]] = (
    (b"{}",),
    (b"null",),
    (b"[]",),
    (b'""',),
    (b"1",),
    (b"{",),
    (b"{}{}",),
    (b" ",),
    (b"\xef\xbb\xbf{}",),
    (b'{"x":NaN}',),
    (b'{"x":1,"x":2}',),
    (b"[" * 1_500,),
    (b'{"\\u0000":"\\u0000"}',),
    (b'{"company_name":"\\ud800"}',),
    (b'{"company_name":"\xff"}',),
    (b'{"city":null}',),
    (b'{"city":"Potsdam"}',),
    (b'{"company_name":null,"unit_price":1.5}',),
    (b'{"reorder_level":true}',),
    (b'{"email":"a@b.example","password":""}',),
    (b'{"refresh_token":"' + b"r" * 32 + b'"}',),
    (b" " * (LIMIT + 1),),
    (b"{", b"", b"}"),
    (b"{", b" " * LIMIT, b"}"),
    (DISCONNECTED,),
    (b"{", DISCONNECTED),
)


def fitting(app: FastAPI) -> dict[str, Asked]:
    """A request for each route that fits it, by the route's name: made of the examples in the document.

    Without routes that take another body than JSON.
    """
    document = app.openapi()
    return {
        operation["operationId"]: _example(document, path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if "requestBody" not in operation or "application/json" in operation["requestBody"]["content"]
    }


def _example(document: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any]) -> Asked:
    target = path
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            examples = parameter["schema"].get("examples") or ["0" * 32]  # as ids of auth are
            target = target.replace(f"{{{parameter['name']}}}", str(examples[0]))
    headers = [(b"host", b"gateway.test"), (b"x-request-id", b"r1"), (b"authorization", ADMIN.encode())]
    if method in {"patch", "put"} and any(one["name"] == "If-Match" for one in operation.get("parameters", ())):
        headers.append((b"if-match", b'"3"'))
    asked = Asked(method.upper(), target, headers=tuple(headers))
    if "requestBody" not in operation:
        return asked
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    name = next(one["$ref"] for one in (schema, *schema.get("anyOf", ())) if "$ref" in one).rpartition("/")[2]
    body = json.dumps(document["components"]["schemas"][name]["examples"][0]).encode()
    return asked.with_header(b"content-type", b"application/json").with_body(body)


def variants(asked: Asked) -> Iterator[Asked]:
    """The request with one thing changed, in each way that comes to mind."""
    yield asked
    yield from (replace(asked, method=method) for method in METHODS)
    yield from (replace(asked, target=asked.target + suffix) for suffix in SUFFIXES)
    stem = asked.target.rpartition("/")[0]
    yield from (replace(asked, target=f"{stem}/{segment}") for segment in (*SEGMENTS, *NUMBERS))
    yield replace(asked, target=asked.target.upper())
    yield replace(asked, target="/" + asked.target)
    yield from (replace(asked, query=query) for query in QUERIES)
    yield from (asked.with_header(name) for name in {name for name, _ in asked.headers})
    yield from (asked.with_header(name, value) for name, value in HEADERS)
    yield from (asked.with_header(name, *dict(asked.headers).get(name, b'"3"').split(b"\n"), b"b") for name in TWICE)
    yield from (asked.with_header(b"content-type", media_type) for media_type in CONTENT_TYPES)
    yield from (asked.with_header(b"content-length", length) for length in (b"-1", b"x", b"99999", b"9" * 5000))
    yield from (asked.with_body(*body) for body in BODIES)
    yield replace(asked.with_header(b"content-length"), body=(b"", *asked.body)).with_header(
        b"transfer-encoding", b"chunked"
    )
    yield from (replace(asked, version=version) for version in ("1.0", "2", "0.9"))

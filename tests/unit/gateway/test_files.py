"""The files of the documentation: ranges and conditions, and refusals like everybody's."""

import pytest
from httpx2 import AsyncClient

from tests.support.http.problems import problem

FILE = "/static-offline-docs/favicon.png"


async def test_a_range_of_a_file_is_206(http: AsyncClient) -> None:
    whole = (await http.get(FILE)).content
    size = len(whole)
    for asked, expected in (
        ("bytes=0-3", slice(0, 4)),
        ("Bytes=4-", slice(4, None)),
        ("bytes=-4", slice(size - 4, None)),
        (f"bytes=0-{size * 2}", slice(None)),
    ):
        response = await http.get(FILE, headers={"Range": asked})
        assert (206, whole[expected]) == (response.status_code, response.content), asked
        assert response.headers["content-range"].endswith(f"/{size}")


@pytest.mark.parametrize(
    "value",
    [
        "cows=0-3",
        "bytes=3-1",
        "bytes=",
        "bytes=x",
        "0-3",
        "",
        "bytes=0-1,4-5",
        "bytes=0-1,99999999-",
        "bytes=" + "9" * 5000,
    ],
)
async def test_a_range_that_is_none_or_not_one_is_ignored(http: AsyncClient, value: str) -> None:
    response = await http.get(FILE, headers={"Range": value})
    assert (200, (await http.get(FILE)).content) == (response.status_code, response.content)


async def test_two_ranges_in_two_lines_are_ignored(http: AsyncClient) -> None:
    assert 200 == (await http.get(FILE, headers=[("Range", "bytes=0-1"), ("Range", "bytes=0-1")])).status_code


@pytest.mark.parametrize("value", ["bytes=99999999-", "bytes=99999999-999999999", "bytes=-0"])
async def test_a_range_that_a_file_does_not_have_is_416(http: AsyncClient, value: str) -> None:
    size = len((await http.get(FILE)).content)
    response = await http.get(FILE, headers={"Range": value})
    problem(response, 416, "range_not_satisfiable")
    assert f"bytes */{size}" == response.headers["content-range"]


@pytest.mark.parametrize("path", ["/v1/products/1", "/openapi.json", "/docs"])
async def test_a_range_of_what_is_no_file_is_ignored(http: AsyncClient, path: str) -> None:
    assert 200 == (await http.get(path, headers={"Range": "bytes=0-3"})).status_code


async def test_a_range_is_for_get_alone(http: AsyncClient) -> None:
    response = await http.head(FILE, headers={"Range": "bytes=0-3"})
    assert (200, b"") == (response.status_code, response.content)
    assert "content-range" not in response.headers


async def test_conditions_count_for_files(http: AsyncClient) -> None:
    first = await http.get(FILE)
    etag, modified = first.headers["etag"], first.headers["last-modified"]
    for condition, status in (
        ({"If-None-Match": etag}, 304),
        ({"If-None-Match": f'"a,b", W/{etag}'}, 304),
        ({"If-None-Match": '"x"', "If-Modified-Since": modified}, 200),
        ({"If-Modified-Since": modified}, 304),
        ({"If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}, 200),
        ({"If-Match": etag}, 200),
        ({"If-Match": '"x"'}, 412),
        ({"If-Match": '"x"', "Range": "bytes=0-3"}, 412),
        ({"If-None-Match": etag, "Range": "bytes=0-3"}, 304),
        ({"If-Unmodified-Since": modified}, 200),
        ({"If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}, 412),
        ({"If-None-Match": "nonsense"}, 400),
        ({"Range": "bytes=0-3", "If-Range": etag}, 206),
        ({"Range": "bytes=0-3", "If-Range": f"W/{etag}"}, 200),
        ({"Range": "bytes=0-3", "If-Range": '"x"'}, 200),
    ):
        for method in ("GET", "HEAD"):
            response = await http.request(method, FILE, headers=condition)
            expected = 200 if method == "HEAD" and status == 206 else status
            assert expected == response.status_code, (method, condition)
            if method == "GET" and status in {400, 412}:
                problem(response, status, response.json()["reason"])


@pytest.mark.parametrize(
    "path",
    ["/static-offline-docs/nothing", "/static-offline-docs/", f"{FILE}/x", "/static-offline-docs/" + "x" * 300],
)
async def test_a_file_that_is_not_there_is_404(http: AsyncClient, path: str) -> None:
    problem(await http.get(path), 404, "unknown_path")

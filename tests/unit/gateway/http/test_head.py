import pytest

from gateway.http.head import Head, may_become_one, over, read
from mesh.core.errors import Fault

HOST = b"host: a\r\n"
LINE = b"GET / HTTP/1.1\r\n"


def head(*fields: bytes, line: bytes = LINE) -> Head:
    return read(line + b"".join(field + b"\r\n" for field in fields) + b"\r\n")


def why(raw: bytes) -> str:
    """The reason why a head is refused."""
    with pytest.raises(Fault) as refused:
        read(raw)
    return refused.value.reason


def test_a_head_is_method_target_version_and_fields() -> None:
    read_ = head(b"Host: a", b"X-Empty:", b"x-spaces: \t b c\t ", b"X-A:b", line=b"PATCH /a%20b?c=d?e HTTP/1.0\r\n")
    assert (b"PATCH", b"/a%20b?c=d?e", "1.0") == read_[:3]
    assert [(b"host", b"a"), (b"x-empty", b""), (b"x-spaces", b"b c"), (b"x-a", b"b")] == read_.fields
    assert (0, False, False) == (read_.length, read_.expects_100, read_.asks_for_upgrade)


HOSTS = {
    b"a", b"", b"a:", b"a:80", b"127.0.0.1:8080", b"[::1]", b"[::1]:80", b"[2001:db8::1.2.3.4]:1", b"[v1.a:b]",
    b"a_b.c", b"xn--a.example", b"%41", b"a!$&'()*+,;=~",
}  # fmt: skip
NO_HOSTS = {
    b"a b", b"a/b", b"a?b", b"a#b", b"a@b", b"u:p@a", b"http://a", b"a:b", b"a:80:80", b"[::1", b"::1", b"[::g]",
    b"[1.2.3.4]", b"[::1%25eth0]", b"[]", b"[v.a]", b"a,b c", b"a\tb", b"a\x80", b"\xc3\xa4", b"a%4", b"a%zz", b'"a"',
    b"<a>", b"a\\b", b"a|b",
}  # fmt: skip


@pytest.mark.parametrize("host", sorted(HOSTS))
def test_a_host_is_a_name_or_an_address_and_perhaps_a_port(host: bytes) -> None:
    assert (b"host", host) in head(b"host: " + host).fields


@pytest.mark.parametrize("host", sorted(NO_HOSTS))
def test_any_other_host_is_refused_in_the_header_and_in_the_target(host: bytes) -> None:
    assert "malformed_request" == why(LINE + b"host: " + host + b"\r\n\r\n")
    if not {*host} & {*b"/?"}:
        assert "malformed_request" == why(b"GET http://" + host + b"/ HTTP/1.1\r\n" + HOST + b"\r\n")


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
@pytest.mark.parametrize("hosts", [HOST + HOST, HOST + b"HOST: b\r\n", b"host: \r\n" + HOST])
def test_two_hosts_are_refused(version: bytes, hosts: bytes) -> None:
    assert "malformed_request" == why(b"GET / HTTP/%b\r\n%b\r\n" % (version, hosts))


def test_only_http_1_0_may_go_without_a_host() -> None:
    assert [] == read(b"GET / HTTP/1.0\r\n\r\n").fields
    assert "malformed_request" == why(LINE + b"\r\n")
    assert "malformed_request" == why(b"GET http://a/ HTTP/1.1\r\n\r\n")


@pytest.mark.parametrize(
    ("target", "url", "host"),
    [
        (b"http://b/c?d", b"/c?d", b"b"),
        (b"HTTP://b:80", b"/", b"b:80"),
        (b"http://b?c", b"/?c", b"b"),
        (b"http://[::1]:1/", b"/", b"[::1]:1"),
        (b"http://b//c", b"//c", b"b"),
    ],
)
def test_the_host_of_a_whole_url_is_the_one_that_counts(target: bytes, url: bytes, host: bytes) -> None:
    for fields in ([b"host: a"], [b"a: b", b"Host: a"]):
        read_ = head(*fields, line=b"GET " + target + b" HTTP/1.1\r\n")
        assert (url, [host]) == (read_.url, [value for name, value in read_.fields if name == b"host"])
    assert [(b"host", host)] == read(b"GET " + target + b" HTTP/1.0\r\n\r\n").fields


@pytest.mark.parametrize("target", [b"https://a/", b"HTTPS://a", b"ftp://a/", b"ws://a/", b"x://"])
def test_a_url_that_is_for_another_kind_of_connection_is_misdirected(target: bytes) -> None:
    assert "misdirected_request" == why(b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n")


@pytest.mark.parametrize(
    "target",
    [bytes([octet]) for octet in range(256) if chr(octet) not in "/*"]
    + [b"/" + bytes([octet]) for octet in {*range(256)} - {*b"-._~!$&'()*+,;=:@/?"} if not chr(octet).isalnum()]
    + [b"/" + bytes([octet]) for octet in range(0x80, 256)]
    + [b"/?" + bytes([octet]) for octet in b'"#<>[\\]^`{|}']
    + [b"/%", b"/%4", b"/%4g", b"/?%", b"/?a=%zz", b"http:///", b"http://:80/", b"http://u@a/", b"http:a", b"http:/a"]
    + [b"a:80", b"a/b"],
)  # fmt: skip
def test_what_no_target_may_have_is_refused(target: bytes) -> None:
    assert "malformed_request" == why(b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n")


def test_the_server_itself_is_asked_with_options_alone() -> None:
    assert b"*" == head(b"host: a", line=b"OPTIONS * HTTP/1.1\r\n").url
    for method in (b"GET", b"POST", b"CONNECT"):
        assert "malformed_request" == why(method + b" * HTTP/1.1\r\n" + HOST + b"\r\n")


@pytest.mark.parametrize("target", [b"a:80", b"/", b"http://a/", b"*"])
def test_a_tunnel_is_refused_whatever_its_target(target: bytes) -> None:
    assert "malformed_request" == why(b"CONNECT " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n")


@pytest.mark.parametrize(
    "version",
    [b"HTTP/1.2", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/1", b"HTTP/1.10", b"HTTP/11.1", b"http/1.1", b"RTSP/1.0", b"ICE/1.0",
     b"HTTP/1.1 ", b" HTTP/1.1", b"HTTP/ 1.1", b"HTTP/1,1", b"HTTPS/1.1", b""],
)  # fmt: skip
def test_any_other_version_is_refused(version: bytes) -> None:
    assert "malformed_request" == why(b"GET / " + version + b"\r\n" + HOST + b"\r\n")


@pytest.mark.parametrize(
    "field",
    [b"a : b", b" a: b", b"a: b\r\n c", b"a: b\r\n\tc", b"a", b": b", b"a b: c", b"a: b\rc", b"a: b\nc: d", b"a(b): c"]
    + [b"\xe4: b"]
    + [b"a: b" + bytes([octet]) for octet in {*range(32), 127} - {9}]
    + [b"a" + bytes([octet]) + b": b" for octet in {*range(33), 127}],
)  # fmt: skip
def test_what_is_no_field_is_refused(field: bytes) -> None:
    for fields in (field + b"\r\n" + HOST, HOST + field + b"\r\n"):
        assert "malformed_request" == why(LINE + fields + b"\r\n")


@pytest.mark.parametrize("value", [b"5", b"5 ", b"\t5\t", b"05", b" 0000000000005"])
def test_a_length_is_digits_with_any_white_space_around(value: bytes) -> None:
    assert 5 == head(b"host: a", b"content-length:" + value).length


@pytest.mark.parametrize(
    "value", [b"", b" ", b"+5", b"-5", b"5.0", b"0x5", b"5 5", b"5,5", b"5, 5", b"5_0", b"\xb2", b"9" * 19, b"5;a"]
)
def test_what_is_no_length_is_refused(value: bytes) -> None:
    assert "malformed_request" == why(LINE + HOST + b"content-length: " + value + b"\r\n\r\n")


@pytest.mark.parametrize("second", [b"5", b"6"])
def test_two_lengths_are_refused(second: bytes) -> None:
    fields = b"content-length: 5\r\nContent-Length: " + second
    assert "malformed_request" == why(LINE + HOST + fields + b"\r\n\r\n")


@pytest.mark.parametrize(
    "values", [[b"chunked"], [b"CHUNKED "], [b", chunked ,,"], [b"", b"\tchunked"], [b"chunked", b" "]]
)
def test_the_one_transfer_coding_is_chunked(values: list[bytes]) -> None:
    read_ = head(b"host: a", *(b"Transfer-Encoding:" + value for value in values))
    assert read_.length is None
    assert [(b"host", b"a"), (b"transfer-encoding", b"chunked")] == read_.fields
    assert LINE + b"host: a\r\ntransfer-encoding: chunked\r\n\r\n" == read_.for_parser


@pytest.mark.parametrize(
    ("reason", "values"),
    [
        ("malformed_request", [b""]),
        ("malformed_request", [b"gzip"]),
        ("malformed_request", [b"identity"]),
        ("malformed_request", [b"xchunked"]),
        ("malformed_request", [b"chunkedx"]),
        ("malformed_request", [b"chunked;a=b"]),
        ("malformed_request", [b'"chunked"']),
        ("malformed_request", [b"chunked chunked"]),
        ("malformed_request", [b"chunked, chunked"]),
        ("malformed_request", [b"chunked", b"chunked"]),
        ("malformed_request", [b"chunked, gzip"]),
        ("malformed_request", [b"chunked", b"identity"]),
        ("malformed_request", [b"chunked, gzip, chunked"]),
        ("unsupported_transfer_coding", [b"gzip, chunked"]),
        ("unsupported_transfer_coding", [b"gzip", b"Chunked"]),
        ("unsupported_transfer_coding", [b"identity,chunked"]),
        ("unsupported_transfer_coding", [b'a;b="c", chunked']),
    ],
)
def test_other_transfer_codings_are_refused(reason: str, values: list[bytes]) -> None:
    codings = b"".join(b"transfer-encoding: " + value + b"\r\n" for value in values)
    assert reason == why(LINE + HOST + codings + b"\r\n")
    assert "malformed_request" == why(LINE + HOST + codings + b"content-length: 5\r\n\r\n")
    assert "malformed_request" == why(b"POST / HTTP/1.0\r\n" + codings + b"\r\n")


@pytest.mark.parametrize("value", [b"100-continue", b"100-Continue ", b",100-continue,", b"100-continue, 100-continue"])
def test_the_one_expectation_is_100_continue(value: bytes) -> None:
    expect = b"expect: " + value
    assert head(b"host: a", expect, b"content-length: 5").expects_100
    assert head(b"host: a", expect, b"transfer-encoding: chunked").expects_100
    assert not head(b"host: a", expect).expects_100, "nothing will come"
    old = head(expect, b"content-length: 5", line=b"POST / HTTP/1.0\r\n")
    assert (False, [(b"content-length", b"5")]) == (old.expects_100, old.fields)


@pytest.mark.parametrize("value", [b"200-ok", b"100-continue, a", b"a", b"100", b"100-continue;a", b'"100-continue"'])
def test_other_expectations_are_refused(value: bytes) -> None:
    for more in (b"", b"content-length: 5\r\n"):
        assert "expectation_failed" == why(LINE + HOST + more + b"expect: " + value + b"\r\n\r\n")


@pytest.mark.parametrize(
    "upgrade", [b"Upgrade: h2c", b"upgrade:h2c", b"UPGRADE: a, b/1", b"upgrade:", b"uPgRaDe: a\r\nUpgrade: b"]
)
def test_the_parser_does_not_hear_of_an_upgrade(upgrade: bytes) -> None:
    for more in (b"content-length: 5", b"x-upgrade: a", b"a: Upgrade: b"):
        read_ = head(b"Host: a", upgrade, more)
        assert read_.asks_for_upgrade
        assert LINE + b"host: a\r\n" + more + b"\r\n\r\n" == read_.for_parser


def test_what_nothing_is_taken_from_goes_to_the_parser_as_it_came() -> None:
    raw = LINE + b"Host:a\r\nCONTENT-LENGTH:\t5 \r\nx:  b\r\n\r\n"
    assert raw == read(raw).for_parser


@pytest.mark.parametrize("size", [0, 1, 3, 4, 7, 12, 15, 16, 17, 20, 30])
def test_the_beginning_of_a_head_may_become_one(size: int) -> None:
    for whole in (LINE + b"host: a\r\n\r\n", b"POST http://a:80/b?c HTTP/1.0\r\na: b\r\n"):
        assert may_become_one(whole[: size or 1])


@pytest.mark.parametrize(
    "beginning",
    [b"\x16\x03\x01", b" GET", b"\n", b"GET\r", b"GET / HTTP/1.1\n", b"GET  /", b"SSH-2.0-a\r\n", b"EHLO a\r\n",
     b"PROXY TCP4 a b 1 2\r\n", b"\r\r", b"GET /\r\n", b"G\xc3\xa4T", b"GET /\xc3", b"\x00", b"GET\t/ HTTP/1.1\r\n"],
)  # fmt: skip
def test_what_cannot_become_a_head_is_known_at_once(beginning: bytes) -> None:
    assert not may_become_one(beginning)


def test_a_head_over_its_limit_is_refused_for_its_token_if_that_is_too_long() -> None:
    assert "head_too_large" == over(9, b"GET / HTTP/1.1\r\nx-authorization: " + b"a" * 5000).reason
    assert "invalid_token" == over(9, b"GET / HTTP/1.1\r\nAuthorization: " + b"a" * 5000).reason

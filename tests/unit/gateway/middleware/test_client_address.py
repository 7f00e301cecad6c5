import pytest
from structlog.testing import capture_logs

from gateway.middleware.client_address import ClientAddresses
from gateway.networks import networks_in
from gateway.settings import GatewaySettings


def address(*forwarded: str, peer: str = "10.0.0.1", trusted: str = "10.0.0.0/8") -> str | None:
    return found_by(ClientAddresses(networks_in(trusted)), *forwarded, peer=peer)


def found_by(addresses: ClientAddresses, *forwarded: str, peer: str = "10.0.0.1") -> str | None:
    headers = [(b"x-forwarded-for", one.encode()) for one in forwarded]
    return addresses.find({"client": (peer, 1), "headers": headers})


def test_nobodys_word_is_believed_unless_told_so() -> None:
    assert () == GatewaySettings().gateway_trusted_proxies
    assert "10.0.0.1" == address("203.0.113.7", trusted="")


def test_whose_word_is_believed_is_told_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.1,2001:db8::/32")
    assert networks_in("10.0.0.0/8,192.0.2.1/32,2001:db8::/32") == GatewaySettings().gateway_trusted_proxies


def test_a_stranger_who_names_another_is_the_client() -> None:
    assert "198.51.100.1" == address("203.0.113.7", peer="198.51.100.1")


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        (["203.0.113.7"], "203.0.113.7"),
        (["1.1.1.1, 203.0.113.7"], "203.0.113.7"),
        (["203.0.113.7, 10.2.3.4"], "203.0.113.7"),
        (["1.1.1.1", "203.0.113.7,10.2.3.4"], "203.0.113.7"),
        (["10.9.9.9"], "10.9.9.9"),
        (["somebody"], "10.0.0.1"),
        (["somebody, 10.2.3.4"], "10.2.3.4"),
        ([""], "10.0.0.1"),
        ([], "10.0.0.1"),
        (["2001:db8::1"], "2001:db8::1"),
        (["203.0.113.6:4711"], "203.0.113.6"),
        (["[2001:db8::1]"], "2001:db8::1"),
        (["[2001:db8::1]:4711, 10.2.3.4:80"], "2001:db8::1"),
        (["203.0.113.6:"], "10.0.0.1"),
        (["[]:80"], "10.0.0.1"),
    ],
)
def test_a_trusted_proxy_is_believed_as_far_as_trust_goes(forwarded: list[str], expected: str) -> None:
    assert expected == address(*forwarded)


@pytest.mark.parametrize("trusted", ["", "10.0.0.0/8"])
def test_once_it_is_told_that_nobody_believes_a_peer_who_names_another(trusted: str) -> None:
    addresses = ClientAddresses(networks_in(trusted))
    with capture_logs() as lines:
        for peer in ("198.51.100.1", "198.51.100.2"):
            found_by(addresses, peer=peer)
            found_by(addresses, "203.0.113.7", peer=peer)
        address("203.0.113.7", trusted="10.0.0.0/8")
    assert ["warning"] == [line["log_level"] for line in lines]
    assert "GATEWAY_TRUSTED_PROXIES" in lines[0]["detail"]


def test_a_proxy_of_ipv4_is_known_on_a_socket_of_ipv6() -> None:
    assert "203.0.113.7" == address("203.0.113.7", peer="::ffff:10.0.0.1")


def test_without_an_address_there_is_none() -> None:
    assert None is ClientAddresses(networks_in("10.0.0.0/8")).find({"client": None, "headers": []})


def test_what_is_no_network_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="gateway_trusted_proxies"):
        GatewaySettings(gateway_trusted_proxies="proxy.example")

import pytest

from cli.scaffold.errors import ScaffoldError
from cli.scaffold.names import ServiceNames, endpoint_names, service_names

SERVICES = ("gateway", "auth", "customers", "products")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("customers", "there is a service customers already"),
        ("Invoices", "lower-case letters"),
        ("2invoices", "a letter first"),
        ("in-voices", "lower-case letters"),
        ("in__voices", "single underscores"),
        ("invoices_", "single underscores"),
        ("", "lower-case letters"),
        ("rechnungén", "lower-case letters"),
        ("invoices\n", "lower-case letters"),
        ("x" * 31, "at most 30 characters"),
        ("class", "a word of Python"),
        ("match", "a word of Python"),
        ("user", "a word of SQL"),
        ("order", "a word of SQL"),
        *(
            (name, "another meaning")
            for name in ("operator", "audit", "mesh", "events", "base", "health", "postgres", "dev")
        ),
        ("customers_archive", "would both begin with CUSTOMERS_"),
        ("auth_keys", "would both begin with AUTH_"),
        ("transports", "Transport is the name of a class"),
        ("replies", "Reply is the name of a class"),
        ("handlers", "Handlers is the name of a class"),
    ],
)
def test_a_name_that_a_service_cannot_have_is_refused(name: str, message: str) -> None:
    with pytest.raises(ScaffoldError, match=message):
        service_names(name, SERVICES)


@pytest.mark.parametrize(
    ("name", "item"),
    [
        ("invoices", "invoice"),
        ("gift_cards", "gift_card"),
        ("deliveries", "delivery"),
        ("addresses", "address"),
        ("boxes", "box"),
        ("branches", "branch"),
        ("stock", "stock"),
        ("status", "status"),
        ("access", "access"),
    ],
)
def test_one_of_what_a_service_keeps_has_the_singular(name: str, item: str) -> None:
    assert item == ServiceNames(name).item


def test_each_place_has_its_spelling() -> None:
    words = service_names("gift_cards", SERVICES).words()

    assert ("gift_cards_svc", "GIFT_CARDS", "gift-cards") == (words["package"], words["constant"], words["path"])
    assert ("GiftCards", "GiftCard", "gift card") == (words["Service"], words["Item"], words["one"])


@pytest.mark.parametrize(
    ("subject", "message"),
    [
        ("customers", "name the service and the verb"),
        ("customers.", "name the service and the verb"),
        ("nobody.get", "there is no service nobody: gateway, auth"),
        ("customers.get", "there is an endpoint customers.get already"),
        ("customers.Count", "lower-case letters"),
        ("customers..count", "lower-case letters"),
        ("customers.a.b.c.d", "at most 4 tokens"),
        ("customers.import", "a word of Python"),
        ("customers.*", "lower-case letters"),
    ],
)
def test_a_subject_that_cannot_be_had_is_refused(subject: str, message: str) -> None:
    with pytest.raises(ScaffoldError, match=message):
        endpoint_names(subject, SERVICES, ["customers.get"])


def test_an_endpoint_has_its_spelling_in_each_place() -> None:
    words = endpoint_names("products.stock.low_now", SERVICES, []).words()

    assert ("PRODUCTS_STOCK_LOW_NOW", "stock_low_now") == (words["constant"], words["method"])
    assert ("StockLowNowProducts", "stock/low-now") == (words["Request"], words["path"])

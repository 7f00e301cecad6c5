"""A search by relevance: the best fit first, the same order on each page."""

from structlog.testing import capture_logs

from contracts.customers import CreateCustomer, CustomerSort, ListCustomers
from customers_svc.handlers import Handlers
from customers_svc.repository import STEPS
from customers_svc.search import SEARCH_INDEX
from providers.postgres.database import Database
from tests.support.northwind.northwind import every

RANKED = ["ROSEN", "AAAAA", "BBBBB", "CCCCC", "DDDDD", "EEEEE"]


async def make(handlers: Handlers) -> None:
    """One customer for each rank of the search for `rosen`, made in another order."""
    for new in (
        CreateCustomer(customer_id="EEEEE", company_name="A", city="Neurosen"),
        CreateCustomer(customer_id="DDDDD", company_name="B", contact_name="Anna Rosen"),
        CreateCustomer(customer_id="CCCCC", company_name="Drei Rosen"),
        CreateCustomer(customer_id="BBBBB", company_name="Rosengarten"),
        CreateCustomer(customer_id="AAAAA", company_name="RÖSEN"),
        CreateCustomer(customer_id="ROSEN", company_name="Z"),
    ):
        await handlers.create(new)


async def found(handlers: Handlers, q: str | None, limit: int = 200) -> list[str]:
    request = ListCustomers(q=q, sort=CustomerSort.RELEVANCE, limit=limit)
    return [customer.customer_id for customer in await every(handlers.list, request)]


async def test_the_id_comes_first_then_the_name_its_beginning_its_words_the_contact_and_the_rest(
    handlers: Handlers,
) -> None:
    await make(handlers)

    assert RANKED == await found(handlers, "Rosen")


async def test_pages_of_a_search_have_its_order(handlers: Handlers) -> None:
    await make(handlers)

    assert RANKED == await found(handlers, "rosen", limit=1)
    whole = await found(handlers, "a")
    assert whole == await found(handlers, "a", limit=7)
    assert len(whole) == len(set(whole))


async def test_equal_fits_come_by_company(handlers: Handlers) -> None:
    by_company = ListCustomers(sort=CustomerSort.COMPANY_NAME)
    assert [one.customer_id for one in await every(handlers.list, by_company)] == await found(handlers, None)


async def test_characters_of_patterns_are_plain_text(handlers: Handlers) -> None:
    await handlers.create(CreateCustomer(customer_id="NEWCO", company_name="50%_off"))

    assert [["NEWCO"], ["NEWCO"], []] == [await found(handlers, q) for q in ("50%_", "%_", "_%")]


async def test_the_index_of_the_search_is_there_or_the_log_says_why_not(handlers: Handlers, database: Database) -> None:
    [row] = await database.fetch(
        "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm') AS available,"
        " to_regclass($1) IS NOT NULL AS indexed",
        SEARCH_INDEX,
    )
    with capture_logs() as logs:
        async with database.transaction() as connection:
            await STEPS["0005_trigrams.sql"](connection)

    assert row["available"] == row["indexed"]
    assert ([] if row["indexed"] else ["search_not_indexed"]) == [line["event"] for line in logs]

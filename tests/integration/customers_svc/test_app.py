from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from pydantic import SecretStr

from contracts.customers import (
    ArchiveCustomer,
    CreateCustomer,
    Customer,
    CustomerPatch,
    GetCustomer,
    GetCustomers,
    ListCustomers,
    UpdateCustomer,
)
from customers_svc.app import build
from customers_svc.settings import CustomersSettings
from mesh.client.client import Client
from mesh.core.context import working_on
from mesh.core.errors import Code, RemoteFault
from mesh.process.run import StartError
from mesh.transport.memory import MemoryBroker, MemoryTransport
from providers.postgres.database import Database
from subjects import (
    CUSTOMERS_ARCHIVE,
    CUSTOMERS_CREATE,
    CUSTOMERS_GET,
    CUSTOMERS_GET_MANY,
    CUSTOMERS_LIST,
    CUSTOMERS_UPDATE,
    ENDPOINTS,
)
from tests.support.mesh.sign_in import SignIn


@pytest.fixture
def settings(url: SecretStr) -> CustomersSettings:
    return CustomersSettings(customers_database_url=url, customers_seed=True)


@pytest.fixture
async def client(broker: MemoryBroker, settings: CustomersSettings) -> AsyncIterator[Client]:
    async with AsyncExitStack() as resources:
        service = await build(settings, MemoryTransport(broker), resources)
        await service.start()
        yield Client(MemoryTransport(broker))
        await service.drain()


async def test_every_endpoint_of_the_service_is_answered(broker: MemoryBroker, client: Client) -> None:
    answered = {".".join(subscription.pattern) for subscription in broker.subscriptions}

    assert {endpoint.subject for endpoint in ENDPOINTS if endpoint.service == "customers"} <= answered


async def test_reads_need_no_token(client: Client) -> None:
    alfki = await client.call(CUSTOMERS_GET, GetCustomer(customer_id="ALFKI"))
    found = await client.call(CUSTOMERS_GET_MANY, GetCustomers(customer_ids=("NOONE", "ALFKI")))
    page = await client.call(CUSTOMERS_LIST, ListCustomers(limit=1))

    assert (alfki,) == found.items == page.items
    assert ("NOONE",) == found.missing


async def test_null_and_absent_are_two_things_over_the_wire(client: Client) -> None:
    everyone = await client.call(CUSTOMERS_LIST, ListCustomers(limit=200))
    without = await client.call(CUSTOMERS_LIST, ListCustomers(limit=200, region=None))

    assert (91, 60) == (len(everyone.items), len(without.items))


async def test_an_admin_creates_changes_and_archives(client: Client, sign_in: SignIn) -> None:
    patch = UpdateCustomer(customer_id="NEWCO", expected_version=1, patch=CustomerPatch(city="Århus"))

    with working_on(sign_in.asking_as("ADMIN")):
        await client.call(CUSTOMERS_CREATE, CreateCustomer(customer_id="NEWCO", company_name="New"))
        changed = await client.call(CUSTOMERS_UPDATE, patch)
        archived = await client.call(CUSTOMERS_ARCHIVE, ArchiveCustomer(customer_id="NEWCO"))

    assert ("Århus", 2, 3) == (changed.city, changed.version, archived.version)
    assert 1 == sign_in.asked


async def test_a_change_without_a_token_or_the_role_is_refused(client: Client, sign_in: SignIn) -> None:
    request = ArchiveCustomer(customer_id="ALFKI")

    with pytest.raises(RemoteFault) as without:
        await client.call(CUSTOMERS_ARCHIVE, request)
    with working_on(sign_in.asking_as("USER")), pytest.raises(RemoteFault) as as_user:
        await client.call(CUSTOMERS_ARCHIVE, request)

    assert (Code.UNAUTHENTICATED, Code.PERMISSION_DENIED) == (without.value.code, as_user.value.code)


async def test_a_table_that_is_altered_under_the_worker_holds_up_nothing(
    client: Client, sign_in: SignIn, database: Database
) -> None:
    async def write(number: int, company_name: str) -> Customer:
        patch = CustomerPatch(company_name=company_name)
        with working_on(sign_in.asking_as("ADMIN")._replace(idempotency_key=f"{company_name} {number}")):
            return await client.call(
                CUSTOMERS_UPDATE, UpdateCustomer(customer_id="ALFKI", expected_version=number, patch=patch)
            )

    for number in range(1, 4):
        await write(number, "before")
    await database.fetch("ALTER TABLE customers ALTER COLUMN fax TYPE varchar(80), ADD COLUMN more integer")
    for number in range(4, 7):
        assert number + 1 == (await write(number, "after")).version
    assert "after" == (await client.call(CUSTOMERS_GET, GetCustomer(customer_id="ALFKI"))).company_name


async def test_faults_cross_the_wire_with_their_reasons(client: Client) -> None:
    with pytest.raises(RemoteFault) as unknown:
        await client.call(CUSTOMERS_GET, GetCustomer(customer_id="NOONE"))
    with pytest.raises(RemoteFault) as cursor:
        await client.call(CUSTOMERS_LIST, ListCustomers(cursor="AAAA"))

    assert (Code.NOT_FOUND, "customer_not_found") == (unknown.value.code, unknown.value.reason)
    assert (Code.INVALID_ARGUMENT, "invalid_cursor") == (cursor.value.code, cursor.value.reason)
    assert "cursor" == cursor.value.errors[0].field


async def test_what_was_archived_stays_so_after_a_restart_with_the_seed(
    settings: CustomersSettings, sign_in: SignIn, broker: MemoryBroker
) -> None:
    for life in range(2):
        async with AsyncExitStack() as resources:
            service = await build(settings, MemoryTransport(broker), resources)
            await service.start()
            client = Client(MemoryTransport(broker))
            if life == 0:
                with working_on(sign_in.asking_as("ADMIN")):
                    await client.call(CUSTOMERS_ARCHIVE, ArchiveCustomer(customer_id="ALFKI"))
            page = await client.call(CUSTOMERS_LIST, ListCustomers(limit=200))
            await service.drain()

        assert 90 == len(page.items)


async def test_a_database_from_the_future_stops_the_start_with_a_clear_line(
    settings: CustomersSettings, database: Database
) -> None:
    await database.fetch("INSERT INTO schema_migrations VALUES ('9999_later.sql', '')")

    with pytest.raises(StartError, match=r"the database has 9999_later\.sql, which this version does not know"):
        async with AsyncExitStack() as resources:
            await build(settings, MemoryTransport(MemoryBroker()), resources)


async def test_a_database_that_refuses_us_stops_the_start_with_a_clear_line(url: SecretStr) -> None:
    wrong = SecretStr(url.get_secret_value().replace("//customers", "//nobody"))

    with pytest.raises(StartError, match="no connection to PostgreSQL database customers at") as refused:
        async with AsyncExitStack() as resources:
            await build(CustomersSettings(customers_database_url=wrong), MemoryTransport(MemoryBroker()), resources)

    assert wrong.get_secret_value() not in str(refused.value)

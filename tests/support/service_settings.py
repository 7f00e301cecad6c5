"""The settings of each process."""

from auth_svc.settings import AuthSettings
from customers_svc.settings import CustomersSettings
from devstack.stack.settings import ServiceName
from gateway.settings import GatewaySettings
from mesh.core.settings import Settings
from products_svc.settings import ProductsSettings

OF_SERVICES: dict[ServiceName, type[Settings]] = {
    "gateway": GatewaySettings,
    "auth": AuthSettings,
    "customers": CustomersSettings,
    "products": ProductsSettings,
}

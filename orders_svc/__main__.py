"""`python -m orders_svc`: run the worker."""

from mesh.process.run import run_worker
from orders_svc.app import build
from orders_svc.settings import OrdersSettings

if __name__ == "__main__":
    run_worker("orders", OrdersSettings, build)

"""`python -m customers_svc`: run the worker."""

from customers_svc.app import build
from customers_svc.settings import CustomersSettings
from mesh.process.run import run_worker

if __name__ == "__main__":
    run_worker("customers", CustomersSettings, build)

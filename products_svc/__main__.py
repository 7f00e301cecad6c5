"""`python -m products_svc`: run the worker."""

from mesh.process.run import run_worker
from products_svc.app import build
from products_svc.settings import ProductsSettings

if __name__ == "__main__":
    run_worker("products", ProductsSettings, build)

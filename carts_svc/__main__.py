"""`python -m carts_svc`: run the worker."""

from carts_svc.app import build
from carts_svc.settings import CartsSettings
from mesh.process.run import run_worker

if __name__ == "__main__":
    run_worker("carts", CartsSettings, build)

"""`python -m stock_svc`: run the worker."""

from mesh.process.run import run_worker
from mesh.process.settings import WorkerSettings
from stock_svc.app import build

if __name__ == "__main__":
    run_worker("stock", WorkerSettings, build)

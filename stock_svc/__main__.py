"""`python -m stock_svc`: run the worker."""

from mesh.process.run import run_worker
from stock_svc.app import build
from stock_svc.settings import StockSettings

if __name__ == "__main__":
    run_worker("stock", StockSettings, build)

"""`python -m shipping_svc`: run the worker."""

from mesh.process.run import run_worker
from shipping_svc.app import build
from shipping_svc.settings import ShippingSettings

if __name__ == "__main__":
    run_worker("shipping", ShippingSettings, build)

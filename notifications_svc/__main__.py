"""`python -m notifications_svc`: run the worker."""

from mesh.process.run import run_worker
from notifications_svc.app import build
from notifications_svc.settings import NotificationsSettings

if __name__ == "__main__":
    run_worker("notifications", NotificationsSettings, build)

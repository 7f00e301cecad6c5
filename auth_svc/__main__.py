"""`python -m auth_svc` runs the auth worker."""

from auth_svc.app import build
from auth_svc.settings import AuthSettings
from mesh.process.run import run_worker

if __name__ == "__main__":
    run_worker("auth", AuthSettings, build)

"""`python -m gateway`."""

from gateway.server import serve
from mesh.process.run import run

if __name__ == "__main__":
    run("gateway", serve)

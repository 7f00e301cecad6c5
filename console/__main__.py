"""`python -m console`."""

from console.server import serve
from mesh.process.run import run

if __name__ == "__main__":
    run("console", serve)

# Builds every process of the mesh, with a target for each kind of store:
#
#   docker build --target postgres --build-arg SERVICE=customers --build-arg PACKAGE=customers_svc -t northwind/customers .
#
# An image contains the process's own package, the packages that its kind shares, and the dependencies that its lock file
# pins by hash. services.py declares the processes; compose.yaml builds them. COPY keeps file modes: --chmod lets the user
# `mesh` read files of a clone that was made under umask 077.

FROM python:3.13-slim AS python
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin mesh
# nkeys has no wheel. Its build dependency is pinned too, and removed after the build.
COPY requirements/build.txt build.txt
RUN pip install --require-hashes -r build.txt

# The metadata from which every process reads its version.
FROM python AS version
COPY --chmod=755 pyproject.toml pyproject.toml
RUN mkdir northwind_mesh.dist-info && python -c "import tomllib; project = tomllib.load(open('pyproject.toml', 'rb'))['project']; print('Metadata-Version: 2.1', 'Name: ' + project['name'], 'Version: ' + project['version'], sep='\n')" > northwind_mesh.dist-info/METADATA

# What all processes share, and the dependencies of one.
FROM python AS process
ARG SERVICE
COPY requirements/${SERVICE}.txt requirements.txt
RUN pip install --require-hashes --no-build-isolation -r requirements.txt && pip uninstall --yes setuptools
COPY --chmod=755 contracts contracts
COPY --chmod=755 mesh mesh
COPY --chmod=755 subjects.py subjects.py
COPY --from=version --chmod=755 /app/northwind_mesh.dist-info northwind_mesh.dist-info
USER mesh
CMD ["sh", "-c", "exec python -m \"$PACKAGE\""]

FROM process AS gateway
ARG PACKAGE
ENV PACKAGE=${PACKAGE}
COPY --chmod=755 ${PACKAGE} ${PACKAGE}
COPY --chmod=755 docs/contracts/asyncapi.json docs/contracts/reasons.json docs/contracts/
EXPOSE 8080

# A worker without a store; `worker` imports what the stores share.
FROM process AS stateless
ARG PACKAGE
ENV PACKAGE=${PACKAGE}
COPY --chmod=755 providers providers
COPY --chmod=755 worker worker
COPY --chmod=755 ${PACKAGE} ${PACKAGE}

FROM process AS mongo
ARG PACKAGE
ENV PACKAGE=${PACKAGE}
COPY --chmod=755 providers providers
COPY --chmod=755 worker worker
COPY --chmod=755 ${PACKAGE} ${PACKAGE}

FROM process AS postgres
ARG PACKAGE
ENV PACKAGE=${PACKAGE}
COPY --chmod=755 loading loading
COPY --chmod=755 providers providers
COPY --chmod=755 worker worker
COPY --chmod=755 ${PACKAGE} ${PACKAGE}

# The console. The examples of the contracts fill its forms, and say which route sends which endpoint.
FROM process AS console
ARG PACKAGE
ENV PACKAGE=${PACKAGE}
COPY --chmod=755 ops ops
COPY --chmod=755 services.py services.py
COPY --chmod=755 tests/contract/examples tests/contract/examples
COPY --chmod=755 ${PACKAGE} ${PACKAGE}
EXPOSE 8081

# The command `mesh`, which creates the streams in compose.yaml.
FROM process AS command
COPY --chmod=755 cli cli
COPY --chmod=755 conform conform
COPY --chmod=755 devstack devstack
COPY --chmod=755 ops ops
COPY --chmod=755 services.py services.py
COPY --chmod=644 nats.conf nats-tls.conf ./
ENTRYPOINT ["python", "-m", "cli.main"]

# The configuration is part of the image: a mounted file stays the old one after `git pull`.
FROM nats:2.15-alpine AS nats
COPY --chmod=644 nats.conf nats-tls.conf /etc/nats/

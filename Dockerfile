# One file for every process of the mesh, with a target for each:
#
#   docker build --target customers -t northwind/customers .
#
# A target holds the process's own package, what all share, and the packages that its lock file pins by hash. COPY takes
# a file's mode along: --chmod lets the user `mesh` read a clone that was made under umask 077.

FROM python:3.13-slim AS python
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin mesh
# nkeys comes as source alone; what builds it is pinned too, and gone when it is built.
COPY requirements/build.txt build.txt
RUN pip install --require-hashes -r build.txt

# The version that every process tells: the images hold the packages, and this much of their metadata.
FROM python AS version
COPY --chmod=755 pyproject.toml pyproject.toml
RUN mkdir northwind_mesh.dist-info && python -c "import tomllib; project = tomllib.load(open('pyproject.toml', 'rb'))['project']; print('Metadata-Version: 2.1', 'Name: ' + project['name'], 'Version: ' + project['version'], sep='\n')" > northwind_mesh.dist-info/METADATA

FROM python AS gateway
COPY requirements/gateway.txt requirements.txt
RUN pip install --require-hashes --no-build-isolation -r requirements.txt && pip uninstall --yes setuptools
COPY --chmod=755 contracts contracts
COPY --chmod=755 mesh mesh
COPY --chmod=755 subjects.py subjects.py
COPY --from=version --chmod=755 /app/northwind_mesh.dist-info northwind_mesh.dist-info
COPY --chmod=755 gateway gateway
USER mesh
EXPOSE 8080
CMD ["python", "-m", "gateway"]

FROM python AS auth
COPY requirements/auth.txt requirements.txt
RUN pip install --require-hashes --no-build-isolation -r requirements.txt && pip uninstall --yes setuptools
COPY --chmod=755 contracts contracts
COPY --chmod=755 mesh mesh
COPY --chmod=755 providers providers
COPY --chmod=755 subjects.py subjects.py
COPY --from=version --chmod=755 /app/northwind_mesh.dist-info northwind_mesh.dist-info
COPY --chmod=755 worker worker
COPY --chmod=755 auth_svc auth_svc
USER mesh
CMD ["python", "-m", "auth_svc"]

FROM python AS customers
COPY requirements/customers.txt requirements.txt
RUN pip install --require-hashes --no-build-isolation -r requirements.txt && pip uninstall --yes setuptools
COPY --chmod=755 contracts contracts
COPY --chmod=755 mesh mesh
COPY --chmod=755 loading loading
COPY --chmod=755 providers providers
COPY --chmod=755 subjects.py subjects.py
COPY --from=version --chmod=755 /app/northwind_mesh.dist-info northwind_mesh.dist-info
COPY --chmod=755 worker worker
COPY --chmod=755 customers_svc customers_svc
USER mesh
CMD ["python", "-m", "customers_svc"]

FROM python AS products
COPY requirements/products.txt requirements.txt
RUN pip install --require-hashes --no-build-isolation -r requirements.txt && pip uninstall --yes setuptools
COPY --chmod=755 contracts contracts
COPY --chmod=755 mesh mesh
COPY --chmod=755 loading loading
COPY --chmod=755 providers providers
COPY --chmod=755 subjects.py subjects.py
COPY --from=version --chmod=755 /app/northwind_mesh.dist-info northwind_mesh.dist-info
COPY --chmod=755 worker worker
COPY --chmod=755 products_svc products_svc
USER mesh
CMD ["python", "-m", "products_svc"]

# Its configuration is part of the image: a file that is mounted alone stays the old one after `git pull`.
FROM nats:2.15-alpine AS nats
COPY --chmod=644 nats.conf nats-tls.conf /etc/nats/

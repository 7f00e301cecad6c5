# One file for every process of the mesh, with a target for each:
#
#   docker build --target customers -t northwind/customers .
#
# A target holds the process's own package, what all share, and the packages that its lock file pins by hash.

FROM python:3.13-slim AS python
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin mesh

FROM python AS gateway
COPY requirements/gateway.txt requirements.txt
RUN pip install --require-hashes -r requirements.txt
COPY contracts contracts
COPY mesh mesh
COPY subjects.py subjects.py
COPY gateway gateway
USER mesh
EXPOSE 8080
CMD ["python", "-m", "gateway"]

FROM python AS auth
COPY requirements/auth.txt requirements.txt
RUN pip install --require-hashes -r requirements.txt
COPY contracts contracts
COPY mesh mesh
COPY providers providers
COPY subjects.py subjects.py
COPY auth_svc auth_svc
USER mesh
CMD ["python", "-m", "auth_svc"]

FROM python AS customers
COPY requirements/customers.txt requirements.txt
RUN pip install --require-hashes -r requirements.txt
COPY contracts contracts
COPY mesh mesh
COPY providers providers
COPY subjects.py subjects.py
COPY customers_svc customers_svc
USER mesh
CMD ["python", "-m", "customers_svc"]

FROM python AS products
COPY requirements/products.txt requirements.txt
RUN pip install --require-hashes -r requirements.txt
COPY contracts contracts
COPY mesh mesh
COPY providers providers
COPY subjects.py subjects.py
COPY products_svc products_svc
USER mesh
CMD ["python", "-m", "products_svc"]

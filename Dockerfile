# The portal's image: web, worker and every command; docker-compose.yml says which.
FROM python:3.11-slim AS base
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /portal
RUN useradd --system --no-create-home --uid 10001 portal

# A pretend workspace, for trials; nothing of it is in the portal's image.
FROM base AS sandbox
COPY huwise_sandbox huwise_sandbox
RUN install -d -o portal state
USER portal
EXPOSE 8055
CMD ["python", "-m", "huwise_sandbox", "--every-address", "--port", "8055", "--state", "state/workspace.json"]

FROM base AS portal
COPY requirements/run.txt requirements/run.txt
RUN python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/run.txt

COPY manage.py manage.py
COPY cleanup_portal cleanup_portal
COPY accounts_review accounts_review
COPY locale locale
COPY templates templates
COPY static static
COPY docs docs
# Collecting needs some key and some address of a database, uses neither, and keeps neither.
RUN SECRET_KEY=$(python -c 'import secrets; print(secrets.token_hex())') DATABASE_URL=postgres://nobody@localhost/none \
  python manage.py collectstatic --noinput --verbosity 0 \
  && rm -r var

# What a host keeps for itself, beside the database: the only folder that is written to.
RUN install -d -o portal var
USER portal
EXPOSE 8000
HEALTHCHECK --interval=20s --timeout=5s --start-period=60s CMD ["bash", "cleanup_portal/healthcheck.sh", "/health/"]
CMD ["python", "-m", "cleanup_portal.serve"]

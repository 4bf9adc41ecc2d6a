# The portal's image: web, worker and every command; docker-compose.yml says which.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /portal

COPY requirements/run.txt requirements/run.txt
RUN python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/run.txt

COPY manage.py manage.py
COPY cleanup_portal cleanup_portal
COPY accounts_review accounts_review
COPY locale locale
COPY templates templates
COPY static static
RUN python manage.py collectstatic --noinput --verbosity 0

RUN useradd --system --no-create-home portal && install -d -o portal /portal/var
USER portal
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/', timeout=4)"]
CMD ["gunicorn", "cleanup_portal.wsgi", "--bind", "0.0.0.0:8000", "--workers", "2", "--threads", "4", "--no-control-socket"]

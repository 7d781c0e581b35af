# One image for both tiers; DJANGO_SETTINGS_MODULE chooses which one a container is.
FROM python:3.13-slim AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
COPY deploy/requirements.lock requirements.lock
# Only what the pins name, only with the hashes they name, no source builds.
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --require-hashes --only-binary=:all: --requirement requirements.lock

FROM python:3.13-slim
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DJANGO_SETTINGS_MODULE=settings.public
WORKDIR /srv
COPY --from=packages /opt/venv /opt/venv
COPY manage.py ./
COPY monolith monolith
COPY apps apps
COPY settings settings
# Needs settings, not a database; the signing key is for this command alone and signs nothing.
RUN DATABASE_URL=postgresql://nowhere/nothing python -m compileall -q monolith apps settings \
    && DATABASE_URL=postgresql://nowhere/nothing python manage.py collectstatic --no-input --settings=settings.public \
    && DATABASE_URL=postgresql://nowhere/nothing MONOLITH_SECRET_KEY=build \
       python manage.py collectstatic --no-input --settings=settings.private
# Where `provision` may put the roles' passwords (see deploy/compose.yaml).
RUN install -d -m 0700 -o 10001 -g 10001 /passfiles
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
ENTRYPOINT ["python", "manage.py"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]

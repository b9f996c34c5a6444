# Both stages use one base; pin it by digest with --build-arg PYTHON=python:3.13-slim@sha256:…
ARG PYTHON=python:3.13-slim

FROM ${PYTHON} AS build
WORKDIR /build
# Everything by hash first; then only what the operator itself depends on is taken from there.
COPY constraints.txt ./
RUN python -m venv /tools \
 && /tools/bin/pip download --no-cache-dir --require-hashes --only-binary=:all: --dest /wheels -r constraints.txt \
 && /tools/bin/pip install --no-cache-dir --no-index --find-links /wheels hatchling
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN /tools/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
 && python -m venv --without-pip /venv \
 && /tools/bin/pip --python /venv install --no-cache-dir --no-index --find-links /wheels assistant-operator

FROM ${PYTHON}
# Nothing that could install anything is left.
RUN rm -rf /usr/local/bin/pip* /usr/local/lib/python3*/ensurepip /usr/local/lib/python3*/site-packages/*
COPY --from=build /venv /venv
# Nothing is imported from the working directory, and nothing is written anywhere.
ENV PYTHONSAFEPATH=1 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["/venv/bin/python", "-m", "assistant_operator"]
CMD ["run"]
# Last, so that another revision of the same content changes no layer.
ARG VERSION=0.1.0
ARG REVISION=
ARG SOURCE=
LABEL org.opencontainers.image.title="assistant-operator" \
      org.opencontainers.image.description="A Kubernetes operator for LangGraph assistants: every edit is an immutable version" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"

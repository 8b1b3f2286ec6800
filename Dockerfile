# Three targets: `probe` has what measures, and nothing that speaks to a cluster; `agent` has all of it, and curl;
# `service` is Corrective Drift.
# docs/docker.md says how to run them with a read-only root file system, what each weighs and why.

# Debian's own updates are wanted on each build; the release is what is pinned.
# hadolint global ignore=DL3008

FROM debian:bookworm-slim AS python
# PYTHONSAFEPATH: our packages have plain names, so the working directory must not be searched for modules.
ENV PATH=/opt/prism/bin:$PATH \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libaio1 libiperf0 python3 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/cache/debconf /var/log/*

# Debian's fio brings the clients of Ceph, GlusterFS and RDMA with it, 84 MiB; its own source needs libaio alone.
FROM python AS fio
WORKDIR /build
RUN sed -i 's/^Types: deb$/Types: deb deb-src/' /etc/apt/sources.list.d/debian.sources \
 && apt-get update \
 && apt-get install --yes --no-install-recommends build-essential dpkg-dev libaio-dev zlib1g-dev \
 && apt-get source fio \
 && mv fio-*/ fio
WORKDIR /build/fio
# Without --disable-native the program would need the very CPU it was built on.
RUN ./configure --disable-native && make -j"$(nproc)" && strip fio

FROM python AS builder
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3-venv \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /source
# Alone at first: a change of the code need not fetch numpy anew.
COPY pyproject.toml ./
# pip stays outside of what it installs into; dependency groups came with its 25.1.
RUN python3 -m venv /build \
 && /build/bin/pip install --no-cache-dir 'pip>=25.1' \
 && python3 -m venv --without-pip /opt/prism

FROM builder AS wheel
COPY README.md LICENSE ./
COPY agent agent
COPY corrective_drift corrective_drift
COPY jobs jobs
COPY probes probes
RUN /build/bin/pip wheel --no-cache-dir --no-deps --wheel-dir /wheel .

FROM builder AS installation
# The tests that packages bring, most of them numpy's, are a sixth of it.
RUN /build/bin/pip --python /opt/prism/bin/python install --no-cache-dir --group pod \
 && find /opt/prism -type d -name tests -prune -exec rm -rf {} +
COPY --from=wheel /wheel /wheel
RUN /build/bin/pip --python /opt/prism/bin/python install --no-cache-dir --no-deps /wheel/*.whl

FROM installation AS whole-installation
RUN /build/bin/pip --python /opt/prism/bin/python install --no-cache-dir /wheel/*.whl \
 && find /opt/prism -type d -name tests -prune -exec rm -rf {} +

FROM builder AS service-installation
# pip installs an extra only along with all dependencies, of which the group names the few that are wanted.
RUN python3 -c 'import tomllib; project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
        print(*project["optional-dependencies"]["service"], sep="\n")' >/build/extra.txt \
 && /build/bin/pip --python /opt/prism/bin/python install --no-cache-dir --group service --requirement /build/extra.txt \
 && find /opt/prism -type d -name tests -prune -exec rm -rf {} +
COPY --from=wheel /wheel /wheel
RUN /build/bin/pip --python /opt/prism/bin/python install --no-cache-dir --no-deps /wheel/*.whl

FROM python AS tools
COPY --from=fio /build/fio/fio /usr/local/bin/

FROM tools AS probe
# A named volume takes its owner from what the image has there: without this one, it would be root's. The history of runs
# lies beside what storage measures, since nothing else outlives a container.
ENV XDG_STATE_HOME=/data
RUN install --directory --owner 65532 --group 65532 --mode 700 /data
COPY --from=installation /opt/prism /opt/prism
# A number, since Kubernetes can't tell whether a name is root; 65532 is the customary nobody of small images.
USER 65532:65532
ENTRYPOINT ["probe"]
CMD ["run"]

FROM tools AS agent
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates curl \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/cache/debconf /var/log/* \
 && install --directory --owner 65532 --group 65532 --mode 700 /var/lib/telemetry-agent
COPY --from=whole-installation /opt/prism /opt/prism
USER 65532:65532
ENTRYPOINT ["telemetry-agent"]

FROM python AS service
# Where `corrective-drift` looks for its state by itself.
ENV XDG_STATE_HOME=/var/lib
RUN install --directory --owner 65532 --group 65532 --mode 700 /var/lib/corrective-drift
COPY --from=service-installation /opt/prism /opt/prism
USER 65532:65532
ENTRYPOINT ["corrective-drift"]

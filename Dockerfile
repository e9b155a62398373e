# Build without a network from an archive of `synthgen airgap pack` for Linux with glibc and Python 3.11:
#     docker build --network none --tag synthgen .
# See docs/how-to/air-gap.md.
FROM python:3.11-slim AS install
COPY synthgen-airgap.tar /tmp/
RUN tar -xf /tmp/synthgen-airgap.tar -C /tmp && python -I /tmp/synthgen-airgap/install.py --into /opt/synthgen

FROM python:3.11-slim
COPY --from=install /opt/synthgen /opt/synthgen
RUN groupadd --gid 10001 synthgen \
    && useradd --uid 10001 --gid 10001 --create-home synthgen \
    && install --directory --owner 10001 --group 10001 --mode 0700 /workspace
ENV PATH=/opt/synthgen/bin:$PATH XDG_DATA_HOME=/workspace/state XDG_STATE_HOME=/workspace/state
USER 10001:10001
WORKDIR /workspace
VOLUME /workspace
ENTRYPOINT ["synthgen"]
CMD ["--help"]

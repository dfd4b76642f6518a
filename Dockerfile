# All images of the system. A service:              docker build --build-arg SERVICE=api-gateway -t catamaran/api-gateway .
# A buyer's journey, for helm test:                   docker build --target journey -t catamaran/journey .
# What a laptop needs besides (jobs, flags, sandbox): docker build --target local -t catamaran/local .
# They hold Node, what Node links to, and the packages one service needs in production: no shell, no package manager, no C library's tools.

# To pin it: --build-arg NODE_IMAGE=node:24-bookworm-slim@sha256:…
ARG NODE_IMAGE=node:24-bookworm-slim

# ---- what npm needs to know: unchanged while only sources change, so that the installed packages stay in the cache --------------------
FROM ${NODE_IMAGE} AS manifests
WORKDIR /manifests
COPY . .
RUN find . -type f ! -name package.json ! -name package-lock.json ! -name .npmrc -delete && find . -type d -empty -delete

FROM ${NODE_IMAGE} AS built
WORKDIR /app
COPY --from=manifests /manifests ./
RUN --mount=type=cache,target=/npm npm ci --cache /npm --loglevel=error
COPY tsconfig.json tsconfig.base.json ./
COPY apps apps
COPY libs libs
COPY sandbox sandbox
COPY tools tools
COPY deploy/image deploy/image
RUN node_modules/.bin/tsc -b apps/* sandbox/* tools/stack

# ---- Node without the rest of its image ---------------------------------------------------------------------------------------------
FROM ${NODE_IMAGE} AS node
ARG SOURCE_DATE_EPOCH=0
RUN mkdir -p /rootfs/etc /rootfs/tmp /rootfs/usr/bin && chmod 1777 /rootfs/tmp \
 && cp "$(command -v node)" /rootfs/usr/bin/node \
 && ldd /rootfs/usr/bin/node | grep -o '/[^ ]*' | xargs -I '{}' cp --parents -L '{}' /rootfs \
 && printf 'nonroot:x:65532:65532::/:/none\n' >/rootfs/etc/passwd \
 && printf 'nonroot:x:65532:\n' >/rootfs/etc/group \
 && printf 'hosts: files dns\n' >/rootfs/etc/nsswitch.conf \
 && find /rootfs -exec touch -h -d "@$SOURCE_DATE_EPOCH" '{}' +

FROM scratch AS runtime
COPY --from=node /rootfs/ /
ENV NODE_ENV=production
USER 65532:65532
ENTRYPOINT ["/usr/bin/node", "--enable-source-maps"]

# ---- what is needed on a laptop: `docker build --target local` ------------------------------------------------------------------------
FROM built AS local-files
ARG SOURCE_DATE_EPOCH=0
RUN node deploy/image/production-files.mjs /rootfs/app tools/stack sandbox/mail sandbox/partner sandbox/psp \
 && for reader in own api-gateway auth-service core-service aux-service local postgres; do mkdir -p "/rootfs/keys/$reader"; done \
 && mkdir /rootfs/data && chown -R 65532:65532 /rootfs/keys /rootfs/data \
 && find /rootfs -exec touch -h -d "@$SOURCE_DATE_EPOCH" '{}' +

FROM runtime AS local
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="catamaran-local" \
      org.opencontainers.image.description="What the system needs on a laptop: keys, databases and topics, seed, flag relay, sandbox" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=local-files /rootfs/ /
WORKDIR /app

# ---- a buyer's journey, for `helm test`: `docker build --target journey` ---------------------------------------------------------------
FROM built AS journey-files
ARG SOURCE_DATE_EPOCH=0
COPY e2e e2e
RUN node_modules/.bin/tsc -b e2e \
 && node deploy/image/production-files.mjs /rootfs/app e2e \
 && find /rootfs -exec touch -h -d "@$SOURCE_DATE_EPOCH" '{}' +

FROM runtime AS journey
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="catamaran-journey" \
      org.opencontainers.image.description="A buyer's journey through Catamaran, as a test of an installation" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=journey-files /rootfs/ /
WORKDIR /app/e2e
CMD ["dist/src/demo.js"]

# ---- a service ------------------------------------------------------------------------------------------------------------------------
FROM built AS service-files
ARG SERVICE
ARG SOURCE_DATE_EPOCH=0
RUN node deploy/image/production-files.mjs /rootfs/app "apps/${SERVICE:?say which: --build-arg SERVICE=api-gateway}" \
 && find /rootfs -exec touch -h -d "@$SOURCE_DATE_EPOCH" '{}' +

FROM runtime AS service
ARG SERVICE
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="catamaran-${SERVICE}" \
      org.opencontainers.image.description="${SERVICE} of Catamaran, a marketplace back end" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=service-files /rootfs/ /
WORKDIR /app/apps/${SERVICE}
CMD ["dist/src/main.js"]

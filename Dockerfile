# One image for every process of Gristmill: `gristmill coordinator`, `gristmill worker`, and the commands.
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /build
COPY . .
RUN npm ci --loglevel=error && npm prune --omit=dev --ignore-scripts --loglevel=error

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production
WORKDIR /opt/gristmill
COPY --from=build /build/package.json /build/LICENSE ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/proto/gristmill proto/gristmill
COPY --from=build /build/dist dist
# Scratch space is a volume that whoever runs the container may write to.
RUN ln -s /opt/gristmill/dist/client/main.js /usr/local/bin/gristmill && mkdir -m 1777 /scratch
WORKDIR /
USER 1000:1000
ENTRYPOINT ["gristmill"]
CMD ["--help"]

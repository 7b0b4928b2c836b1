#!/usr/bin/env bash
# The Prometheus of the profile `monitoring`, for engines whose registry does not give its image. Prints the path of the binary.
# `scripts/prometheus.sh build` builds it first when it is not in the cache, which takes some minutes. The version is that of the
# image in docker-compose.yml; as a module of Go, version 3.5 counts as 0.305.
set -euo pipefail
version=3.5.0
module=github.com/prometheus/prometheus@v0.305.0
folder=${XDG_CACHE_HOME:-$HOME/.cache}/gristmill/prometheus-$version
binary=$folder/prometheus

if [ "${1:-}" = build ] && [ ! -x "$binary" ]; then
  . "$(dirname "$0")/go.sh"
  ensure_go Prometheus
  rm -rf "$folder"
  mkdir -p "$folder"
  # The module replaces one of its dependencies, which `go install` refuses: it is built in a copy of its source.
  cp -r "$(module_folder "$module")" "$folder/source"
  chmod -R u+w "$folder/source"
  # Without what finds targets in clouds, which is most of what there is to compile: our configuration names its target.
  rm "$folder/source/plugins/plugins.go"
  flags="-s -w -X github.com/prometheus/common/version.Version=$version"
  # Beside its place and moved there, so that an interrupted build leaves no half a server.
  (cd "$folder/source" && CGO_ENABLED=0 go build -trimpath -buildvcs=false -tags netgo -ldflags "$flags" \
    -o "$folder/building" ./cmd/prometheus) >&2
  mv "$folder/building" "$binary"
  rm -rf "$folder/source"
fi
echo "$binary"

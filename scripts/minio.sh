#!/usr/bin/env bash
# The MinIO server that the tests run against: the one place where its version stands. Prints the path of the binary.
# `scripts/minio.sh build` builds it first when it is not in the cache, which takes some minutes and 2 GB of Go's caches.
set -euo pipefail
version=v0.0.0-20260212201848-7aac2a2c5b7c
toolchain=go1.24.13
folder=${XDG_CACHE_HOME:-$HOME/.cache}/gristmill/minio-$version
binary=${TEST_MINIO:-$folder/minio}

if [ "${1:-}" = build ] && [ ! -x "$binary" ]; then
  if ! command -v go >/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
      apt-get update -qq >&2 && apt-get install -y -qq --no-install-recommends golang-go >&2
    fi
    command -v go >/dev/null || {
      echo "MinIO is built by Go: install Go (any version, for a later one is fetched where it is needed) and run again" >&2
      exit 1
    }
  fi
  mkdir -p "$folder"
  # Before 1.21, Go does not fetch a later Go by itself; but that is published as a module, which it can fetch.
  if [ "$(go env GOVERSION | sed -E 's/^go1\.([0-9]+).*/\1/')" -lt 21 ]; then
    module=golang.org/toolchain@v0.0.1-$toolchain.$(go env GOOS)-$(go env GOARCH)
    GOROOT=$(go mod download -json "$module" | sed -n 's/^.*"Dir": "\(.*\)",$/\1/p')
    chmod -R u+x "$GOROOT/bin" "$GOROOT/pkg/tool"
    export GOROOT PATH="$GOROOT/bin:$PATH"
  fi
  # Built beside its place and moved there, so that an interrupted build leaves no half a server.
  GOBIN="$folder/building" GOTOOLCHAIN=auto go install "github.com/minio/minio@$version" >&2
  mv "$folder/building/minio" "$binary"
  rmdir "$folder/building"
fi
echo "$binary"

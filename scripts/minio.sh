#!/usr/bin/env bash
# The MinIO server that the tests run against: the one place where its version stands. Prints the path of the binary.
# `scripts/minio.sh build` builds it first when it is not in the cache, which takes some minutes and 2 GB of Go's caches.
set -euo pipefail
version=v0.0.0-20260212201848-7aac2a2c5b7c
folder=${XDG_CACHE_HOME:-$HOME/.cache}/gristmill/minio-$version
binary=${TEST_MINIO:-$folder/minio}

if [ "${1:-}" = build ] && [ ! -x "$binary" ]; then
  . "$(dirname "$0")/go.sh"
  ensure_go MinIO
  mkdir -p "$folder"
  # Built beside its place and moved there, so that an interrupted build leaves no half a server.
  GOBIN="$folder/building" go install "github.com/minio/minio@$version" >&2
  mv "$folder/building/minio" "$binary"
  rmdir "$folder/building"
fi
echo "$binary"

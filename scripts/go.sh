# Sourced by the scripts that build a server from its source, for where no registry gives it: Go is there and recent enough.

# `ensure_go PROGRAM`: says what wants it when it cannot be had.
ensure_go() {
  local module toolchain=go1.24.13
  if ! command -v go >/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
      apt-get update -qq >&2 && apt-get install -y -qq --no-install-recommends golang-go >&2
    fi
    command -v go >/dev/null || {
      echo "$1 is built by Go: install Go (any version, for a later one is fetched where it is needed) and run again" >&2
      return 1
    }
  fi
  # Before 1.21, Go does not fetch a later Go by itself; but that is published as a module, which it can fetch.
  if [ "$(go env GOVERSION | sed -E 's/^go1\.([0-9]+).*/\1/')" -lt 21 ]; then
    module=golang.org/toolchain@v0.0.1-$toolchain.$(go env GOOS)-$(go env GOARCH)
    GOROOT=$(module_folder "$module")
    chmod -R u+x "$GOROOT/bin" "$GOROOT/pkg/tool"
    export GOROOT PATH="$GOROOT/bin:$PATH"
  fi
  export GOTOOLCHAIN=auto
}

# Fetches a module and prints where its source is.
module_folder() {
  go mod download -json "$1" | sed -n 's/^.*"Dir": "\(.*\)",$/\1/p'
}

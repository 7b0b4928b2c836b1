#!/usr/bin/env bash
# Makes what docker-compose.yml and deploy/kubernetes take from files: the keys of the store, tokens, an authority and
# certificates. What is there already stays; certificates are made anew where they lack a name, or end within 60 days. Needs openssl.
#
#   deploy/secrets.sh [--folder secrets] [NAME ...]
#
# NAMEs are the names and addresses, beside localhost, by which the fleet is called from outside: they go into its
# certificates, and stay in them.
set -euo pipefail
umask 077
folder=secrets
if [ "${1:-}" = --folder ]; then
  folder=${2:?--folder wants a path}
  shift 2
fi
command -v openssl >/dev/null || {
  echo 'this needs openssl: install it and run again' >&2
  exit 1
}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$folder"
cd "$folder"

# once FILE COMMAND...: whole or not at all, for a name is only ever given to a finished file.
once() {
  local file=$1
  shift
  [ -e "$file" ] || { "$@" >"$file.new" && mv "$file.new" "$file"; }
}

# Into the file that is there, for containers have that one: a file that is moved into its place they would not see.
replace() {
  cat "$1" >"$2"
  rm "$1"
}

# The access file holds a hash of each token, and is no secret.
token() {
  local role=$1 name=$2
  [ ! -e "$name.token" ] || return 0
  once "$name.token" openssl rand -hex 32
  touch access
  grep -v "^$role $name " access >access.new || true
  echo "$role $name sha256:$(tr -d '\n' <"$name.token" | openssl dgst -sha256 -r | cut -d ' ' -f 1)" >>access.new
  replace access.new access
}

once kustomization.yaml cat "$here/kubernetes/secrets.yaml"
once store-access-key openssl rand -hex 10
once store-secret-key openssl rand -hex 32
once grafana-password openssl rand -hex 16
once owner.token openssl rand -hex 32
token worker workers
token read prometheus
token submit submit

if [ ! -e authority.crt ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj '/CN=authority of gristmill' \
    -keyout authority.key -out authority.crt.new 2>/dev/null
  mv authority.crt.new authority.crt
fi

# Those of earlier runs, and those of this one.
touch names
for name in "$@"; do
  grep -qxF -- "$name" names || echo "$name" >>names
done

# The certificate of a service: for its name in the fleet's network and in that of Kubernetes, for this machine, for further names.
certificate() {
  local service=$1 name
  local alternatives=DNS:$1,DNS:$1.gristmill.svc,DNS:$1.gristmill.svc.cluster.local,DNS:localhost,IP:127.0.0.1
  while read -r name; do
    if [[ $name =~ ^[0-9.]+$|: ]]; then alternatives+=,IP:$name; else alternatives+=,DNS:$name; fi
  done <names
  if [ -e "$service.crt" ] && [ "$(cat "$service.names" 2>/dev/null)" = "subjectAltName=$alternatives" ] &&
    openssl x509 -in "$service.crt" -noout -checkend $((60 * 24 * 3600)) >/dev/null; then
    return
  fi
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$service" \
    -keyout "$service.key.new" -out "$service.csr" 2>/dev/null
  echo "subjectAltName=$alternatives" >"$service.names.new"
  openssl x509 -req -in "$service.csr" -CA authority.crt -CAkey authority.key -CAcreateserial -days 825 \
    -extfile "$service.names.new" -out "$service.crt.new" 2>/dev/null
  rm "$service.csr"
  replace "$service.key.new" "$service.key"
  replace "$service.crt.new" "$service.crt"
  replace "$service.names.new" "$service.names"
}
certificate coordinator
certificate store

# Containers run as a user that has to read these files: the one who makes them, or 1000 where that is root.
chmod 644 authority.crt prometheus.token grafana-password # for images with users of their own; the folder is closed to others
owner=$(id -u):$(id -g)
if [ "$owner" = 0:0 ]; then
  owner=1000:1000
  chown -R "$owner" .
fi
echo "Secrets are in $PWD. Say who reads them in the containers, and start:"
echo "  export CONTAINER_USER=$owner"
echo '  docker compose up --detach --build --scale worker=4'

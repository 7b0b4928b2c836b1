#!/usr/bin/env bash
# Makes what docker-compose.yml and deploy/kubernetes take from files: the keys of the store, tokens, an authority and certificates. Once: what is
# there already stays. Needs openssl.
#
#   deploy/secrets.sh [--folder secrets] [NAME ...]
#
# NAMEs are the names and addresses, beside localhost, by which the fleet is called from outside: they go into its
# certificates.
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
cp "$here/kubernetes/secrets.yaml" kustomization.yaml

# Whole or not at all: a name is only ever given to a finished file.
write() {
  [ -e "$1" ] && return
  cat >"$1.new"
  mv "$1.new" "$1"
}

# The access file holds a hash of each token, and is no secret.
token() {
  local role=$1 name=$2
  [ -e "$name.token" ] || {
    openssl rand -hex 32 | write "$name.token"
    touch access
    sed -i "/^$role $name /d" access
    echo "$role $name sha256:$(tr -d '\n' <"$name.token" | openssl dgst -sha256 -r | cut -d ' ' -f 1)" >>access
  }
}

openssl rand -hex 10 | write store-access-key
openssl rand -hex 32 | write store-secret-key
openssl rand -hex 16 | write grafana-password
openssl rand -hex 32 | write owner.token
token worker workers
token read prometheus
token submit submit

if [ ! -e authority.crt ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj '/CN=authority of gristmill' \
    -keyout authority.key -out authority.crt.new 2>/dev/null
  mv authority.crt.new authority.crt
fi
# The certificate of a service, for its name in the fleet's network, for this machine, and for further names.
certificate() {
  local service=$1 names=DNS:$1,DNS:localhost,IP:127.0.0.1 name
  shift
  [ -e "$service.crt" ] && return
  for name in "$@"; do
    if [[ $name =~ ^[0-9.]+$|: ]]; then names+=,IP:$name; else names+=,DNS:$name; fi
  done
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$service" \
    -keyout "$service.key" -out "$service.csr" 2>/dev/null
  echo "subjectAltName=$names" >"$service.names"
  openssl x509 -req -in "$service.csr" -CA authority.crt -CAkey authority.key -CAcreateserial -days 825 \
    -extfile "$service.names" -out "$service.crt.new" 2>/dev/null
  mv "$service.crt.new" "$service.crt"
  rm "$service.csr" "$service.names"
}
certificate coordinator "$@"
certificate store "$@"

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

#!/bin/sh
# Installs the system libraries that Lastseen is built on, where they are missing. Does nothing, and
# asks for no rights, when all are there.
set -eu

# One line each: why it is needed is in README.md, "What it is built on".
wanted='
libmaxminddb-dev
libsimdjson-dev
libre2-dev
uap-core
libsqlite3-dev
zlib1g-dev
libzstd-dev
libcurl4-openssl-dev
libssl-dev
libhiredis-dev
libpq-dev
libmicrohttpd-dev
pkg-config
g++
'
# g++ stands for the C and C++ headers and the linker that Swift's own compiler needs.

if ! command -v swift >/dev/null; then
    echo "Swift 6.3 or newer is needed: https://www.swift.org/install/linux/" >&2
    exit 1
fi
if ! command -v dpkg-query >/dev/null; then
    echo "This is not Debian or Ubuntu: make sure that the equivalents are installed of" $wanted >&2
    exit 0
fi

missing=
for package in $wanted; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

echo "Installing$missing"
root=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "Not root, and no sudo. As root: apt-get install$missing" >&2
        exit 1
    fi
    root=sudo
fi
export DEBIAN_FRONTEND=noninteractive
# The lists may be older than the packages, or not there at all.
$root apt-get update -qq
$root apt-get install -y -qq --no-install-recommends $missing >/dev/null

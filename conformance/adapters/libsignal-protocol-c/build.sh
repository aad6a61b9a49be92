#!/bin/sh
# Build the adapter from the libraries of the system, which are Debian packages.
set -eu
cd "$(dirname "$0")"

missing=
# need MODULE PACKAGE: note a Debian package, if pkg-config does not find its module in the version that was tested.
need() {
    pkg-config --exists "$1" || missing="$missing $2"
}
need "libsignal-protocol-c = 2.3.3" libsignal-protocol-c-dev
need "libcrypto >= 3" libssl-dev
need jansson libjansson-dev
if [ -n "$missing" ]; then
    echo "missing Debian packages, to install with apt-get install:$missing" >&2
    exit 1
fi

make

#!/bin/sh
# Install the pinned packages, unless they are there already.
set -eu
cd "$(dirname "$0")"

if cmp -s package-lock.json node_modules/installed.json; then
    exit 0
fi

npm ci --ignore-scripts --no-audit --no-fund --fetch-retries 5
cp package-lock.json node_modules/installed.json

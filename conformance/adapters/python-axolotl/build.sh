#!/bin/sh
# Install the pinned packages into .venv, unless they are there already.
set -eu
cd "$(dirname "$0")"

if [ -x .venv/bin/python ] && cmp -s requirements.txt .venv/installed.txt; then
    exit 0
fi

rm -rf .venv
python3 -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --retries 5 --requirement requirements.txt
cp requirements.txt .venv/installed.txt

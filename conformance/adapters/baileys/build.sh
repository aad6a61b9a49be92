#!/bin/sh
# Install the pinned packages and unpack Baileys' folder of sender keys into .baileys, unless they are there already.
# Baileys itself cannot be installed: some of its dependencies are git repositories. The folder needs none of them.
set -eu
cd "$(dirname "$0")"

version=6.17.16
integrity=sha512-cZoUaKpO4fsDUNiCtyZfbjkW0Bjl/IudzHLCvpqfqtq5TACQzNynYsYdKPJz1I8Cu/SSEvmewk0RorIs0zDWyw==

if [ -d node_modules ] && cat package-lock.json build.sh | cmp -s - .baileys/installed.txt; then
    exit 0
fi

rm -rf .baileys
mkdir .baileys
npm ci --ignore-scripts --no-audit --no-fund --fetch-retries 5
npm pack --json --fetch-retries 5 --pack-destination .baileys "@whiskeysockets/baileys@$version" > .baileys/pack.json
grep -qF "$integrity" .baileys/pack.json || { echo "Baileys $version is not the pinned one" >&2; exit 1; }
tar -xzf ".baileys/whiskeysockets-baileys-$version.tgz" -C .baileys --strip-components 1 \
    package/LICENSE package/package.json package/WASignalGroup
rm ".baileys/whiskeysockets-baileys-$version.tgz"
cat package-lock.json build.sh > .baileys/installed.txt

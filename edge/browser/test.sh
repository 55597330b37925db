#!/bin/sh
# Type-checks the sources and runs the unit tests. Node 20 or newer is needed; "npm ci" is run where it has not been.
set -eu
cd "$(dirname "$0")"
[ -d node_modules ] && [ node_modules -nt package-lock.json ] || npm ci --no-audit --no-fund
node_modules/.bin/tsc -p demo
rm -rf .cache/test .cache/demo-test
node_modules/.bin/tsc -p test
node_modules/.bin/tsc -p demo/test
exec node --test --enable-source-maps .cache/test/test/*.test.js .cache/demo-test/demo/test/*.test.js "$@"

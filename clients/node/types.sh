#!/bin/sh
# Writes index.d.ts, cache.d.ts and audit.d.ts from the comments in the sources, beside them or into the folder that is given.
# TSC: the compiler of the npm package typescript, version 5.  Where it finds declarations it does not look at sources, so these are copied.
set -eu
cd "$(dirname "$0")"
to=${1:-$PWD}
sources=$(mktemp -d)
trap 'rm -rf "$sources"' EXIT
cp ./*.js package.json "$sources"
# Of Node itself, what the sources use.
cat >"$sources/node.d.ts" <<'END'
declare module 'node:fs' {
  export function openSync(path: string, flags: string, mode: number): number;
  export function writeSync(file: number, text: string): number;
}
declare const process: { pid: number };
declare const Buffer: { byteLength(text: string): number };
declare function setImmediate(work: () => void): void;
END
(cd "$sources" && "${TSC:-tsc}" --allowJs --checkJs --strict --noImplicitAny false --declaration --emitDeclarationOnly --target es2022 \
    --module nodenext --moduleResolution nodenext --skipLibCheck index.js node.d.ts)
cp "$sources/index.d.ts" "$sources/cache.d.ts" "$sources/audit.d.ts" "$to"

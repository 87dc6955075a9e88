#!/usr/bin/env bash
# The whole line on this machine: a simulated cluster on loopback, one pass into a directory store, its table.
set -euo pipefail
store=${STORE:-./nodetally-data}
folder=$(mktemp -d)
server=""
trap '[ -z "$server" ] || { kill "$server" 2>/dev/null; wait "$server" 2>/dev/null || true; }; rm -rf "$folder"' EXIT

nodetally simulate --nodes 12 --pods 240 --port 0 --write-kubeconfig "$folder/kubeconfig" 2>"$folder/log" &
server=$!
until [ -s "$folder/kubeconfig" ]; do # the file appears when the server answers
    kill -0 "$server" 2>/dev/null || { cat "$folder/log" >&2; exit 1; }
    sleep 0.1
done

nodetally run --kubeconfig "$folder/kubeconfig" --cluster demo --store "$store" --format none
echo
nodetally show --cluster demo --store "$store"
echo
echo "The same as a page:  .venv/bin/nodetally dashboard serve --store $store --open"
echo "A day of two clusters, and the page:  .venv/bin/nodetally demo --open"
echo "That was a simulated cluster. Yours, without storing anything:  .venv/bin/nodetally show --live"
echo "Yours, into a store:  .venv/bin/nodetally run --cluster NAME --store s3://bucket/prefix"

#!/usr/bin/env bash
# What a release would be: wheel and sdist are built, installed where no source is, and used. Needs what make run needs.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=$PWD/.venv/bin/uv
locks=$PWD/requirements
folder=$(mktemp -d)
server=""
trap '[ -z "$server" ] || { kill "$server" 2>/dev/null; wait "$server" 2>/dev/null || true; }; rm -rf "$folder"' EXIT

"$uv" build -q --no-build-isolation --python .venv/bin/python --sdist --out-dir "$folder/dist" .
mkdir "$folder/source" && tar -xzf "$folder"/dist/*.tar.gz -C "$folder/source" --strip-components=1
"$uv" build -q --no-build-isolation --python .venv/bin/python --wheel --out-dir "$folder/dist" "$folder/source"
"$uv" build -q --no-build-isolation --python .venv/bin/python --wheel --out-dir "$folder/again" .
cmp "$folder"/dist/*.whl "$folder"/again/*.whl || { echo "The wheel from the sdist is another than the one from here."; exit 1; }
rm -rf "$folder/source"

"$uv" venv -q --python .venv/bin/python "$folder/venv"
"$uv" pip install -q --require-hashes --no-deps --python "$folder/venv/bin/python" -r "$locks/run.txt"
"$uv" pip install -q --no-deps --python "$folder/venv/bin/python" "$folder"/dist/*.whl
"$uv" pip check -q --python "$folder/venv/bin/python"

cd "$folder" # no source is found from here
unset PYTHONPATH
export PATH="$folder/venv/bin:$PATH"
nodetally --version
python -c 'import nodetally, pathlib, sys; sys.exit(not str(pathlib.Path(nodetally.__file__)).startswith(sys.prefix))'
nodetally simulate --nodes 5 --pods 60 --port 0 --write-kubeconfig kubeconfig 2>log &
server=$!
until [ -s kubeconfig ]; do
    kill -0 "$server" 2>/dev/null || { cat log >&2; exit 1; }
    sleep 0.1
done
nodetally run --kubeconfig kubeconfig --cluster release --store store --format none
kubectl-nodetally show --store store --format csv >rows.csv
[ "$(wc -l <rows.csv)" = 6 ] || { cat rows.csv; exit 1; }
nodetally explain node/"$(sed -n 2p rows.csv | cut -d, -f4)" --kubeconfig kubeconfig >/dev/null
nodetally store verify --store store --patience 0s >/dev/null
nodetally dashboard publish --store store >/dev/null
[ -s store/index.html ] && ls store/assets/*.js store/assets/*.css >/dev/null
ls -l dist | awk 'NR > 1 {print $5, $9}'
echo "The release can be installed and used."

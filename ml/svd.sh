#!/bin/sh
# svd.sh LABEL DATE: one tracked retrain of a label (1 or 2) on the days until DATE, such as 2022-04-12.
set -eu
[ $# -eq 2 ] || { sed -n 2p "$0" >&2; exit 2; }
cd "$(dirname "$0")/.."
python=.venv/bin/python
[ -x $python ] || python=python3
exec $python -m ml.automatic_retrain --once --label "$1" --now "$2"

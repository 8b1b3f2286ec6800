#!/usr/bin/env bash
# Makes .venv, with all that running, testing and linting need from Python. The stamp tells make that it is done.
set -euo pipefail
cd "$(dirname "$0")/.."

recent_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    local name
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if recent_enough "$name"; then
            echo "$name"
            return
        fi
    done
    return 1
}

# An interrupted attempt leaves a .venv without pip; an upgrade of the system can leave one without Python.
if ! recent_enough .venv/bin/python || ! .venv/bin/python -c 'import pip' 2>/dev/null; then
    command -v python3 >/dev/null || scripts/debian-packages.sh python3
    if ! python=$(find_python); then
        echo "Python 3.11 or later is needed, and there is only $(python3 --version): install a later one" >&2
        exit 1
    fi
    # Debian keeps ensurepip, which makes the .venv, in a package of its own.
    scripts/debian-packages.sh "$python-venv"
    "$python" -m venv --clear .venv
fi

echo "Preparing .venv (once, a minute or two) ..." >&2
# Dependency groups came with pip 25.1.
.venv/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
.venv/bin/python -m pip install --quiet --editable . --group dev
touch .venv/.installed

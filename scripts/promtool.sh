#!/usr/bin/env bash
# Puts promtool into .venv/bin, out of Debian's package prometheus; to install that package would start a server.
set -euo pipefail
cd "$(dirname "$0")/.."
! command -v promtool >/dev/null && [[ ! -x .venv/bin/promtool ]] || exit 0
command -v apt-get >/dev/null || { echo "promtool is missing: alerts go untested" >&2 && exit 1; }
unpacked=$(mktemp -d)
trap 'rm -rf "$unpacked"' EXIT
# Who isn't root may read the lists of packages, but not bring them up to date.
(cd "$unpacked" && { apt-get -qq download prometheus 2>/dev/null || { apt-get -qq update && apt-get -qq download prometheus; }; }) >&2
dpkg-deb --extract "$unpacked"/prometheus_*.deb "$unpacked"
install "$unpacked/usr/bin/promtool" .venv/bin/promtool

#!/usr/bin/env bash
# Installs those of the named Debian packages that are missing, where we may; else says in one line what to install.
# Exit code: 0 all are there, 1 something is missing.
set -euo pipefail

# Asks for what a package brings rather than for the package: it may have come another way.
present() {
    case $1 in
        libiperf0) [[ $(PATH=$PATH:/sbin:/usr/sbin ldconfig -p) == *libiperf.so* ]] ;;
        postgresql) compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null ;;
        python3*-venv) "${1%-venv}" -c 'import ensurepip' 2>/dev/null ;;
        *) command -v "$1" >/dev/null ;;
    esac
}

apt() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=60 "$@" </dev/null
}

missing=()
for package in "$@"; do
    present "$package" || missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "Missing here: ${missing[*]} (Debian's names). Install them with this system's package manager." >&2
    exit 1
elif [[ $EUID -eq 0 ]]; then
    as_root=()
elif sudo -n true 2>/dev/null; then
    as_root=(sudo -n)
else
    echo "Missing here: ${missing[*]}. As root: apt-get install ${missing[*]}" >&2
    exit 1
fi

echo "Installing ${missing[*]} ..." >&2
install=(install --yes --no-install-recommends "${missing[@]}")
# The lists of packages may be absent or old, which only a failed attempt shows.
if ! apt "${install[@]}" >/dev/null 2>&1 && ! log=$({ apt update && apt "${install[@]}"; } 2>&1); then
    echo "$log" >&2
    echo "apt-get could not install ${missing[*]} and says why above: mend that, or install them yourself" >&2
    exit 1
fi

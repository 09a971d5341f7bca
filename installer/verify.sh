#!/bin/sh
# Proves that a release is whole and from its maker, with coreutils and openssl alone.
#
#   verify.sh --key RELEASE.pem DIRECTORY    an unpacked bundle: every file, and none beside them
#   verify.sh --key RELEASE.pem FILE         a .run, .deb or .rpm: by the SHA256SUMS beside it
#
# RELEASE.pem is the maker's public key. Take it from where you trust it, not from the bundle: without --key the one of
# the installed release is used. Exit status: 0 genuine, 1 not genuine, 2 cannot tell.
set -eu
LC_ALL=C
export LC_ALL

refuse() { printf 'verify: REFUSED: %s\n' "$*" >&2; exit 1; }
cannot() { printf 'verify: %s\n' "$*" >&2; exit 2; }

key=/opt/appliance/current/release.pem
[ "${1:-}" = --key ] && { key=${2:-}; [ $# -ge 2 ] && shift 2; }
[ $# -eq 1 ] || cannot "usage: verify.sh [--key RELEASE.pem] DIRECTORY|FILE"
[ -r "$key" ] || cannot "no release key at '$key'; name it with --key"
command -v openssl >/dev/null || cannot "openssl is needed"
given=$1
if [ -d "$given" ]; then folder=$given; else folder=$(dirname "$given"); fi
[ -e "$given" ] || cannot "there is no $given"
cd "$folder"

[ -f SHA256SUMS ] || refuse "there is no SHA256SUMS"
[ -f SHA256SUMS.sig ] || refuse "it is not signed: there is no SHA256SUMS.sig"
openssl dgst -sha256 -verify "$key" -signature SHA256SUMS.sig SHA256SUMS >/dev/null 2>&1 ||
    refuse "the signature is not of this key, or SHA256SUMS was changed"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# What is there and not listed could be run or installed without ever being proven.
list_files() {
    for entry in "$1"* "$1".[!.]* "$1"..?*; do
        if [ -L "$entry" ]; then refuse "$entry is a link"
        elif [ -d "$entry" ]; then (list_files "$entry/") || exit 1
        elif [ -e "$entry" ]; then printf '%s\n' "$entry"
        fi
    done
}

if [ "$folder" = "$given" ]; then
    list_files '' >"$scratch/found" || exit 1
    cut -c67- SHA256SUMS | sort >"$scratch/listed"
    { cat "$scratch/listed"; printf 'SHA256SUMS\nSHA256SUMS.sig\n'; } | sort -u >"$scratch/expected"
    sort "$scratch/found" | comm -23 - "$scratch/expected" >"$scratch/extra"
    [ ! -s "$scratch/extra" ] || refuse "not part of the release: $(head -n 3 "$scratch/extra" | tr '\n' ' ')"
    sha256sum --check --strict --quiet SHA256SUMS >"$scratch/problems" 2>&1 ||
        refuse "damaged or missing: $(head -n 3 "$scratch/problems" | tr '\n' ' ')"
    printf 'verify: genuine: %s files, signed by the key %s\n' "$(wc -l <SHA256SUMS | tr -d ' ')" "$key"
else
    name=$(basename "$given")
    while IFS= read -r line; do
        [ "${line#*  }" = "$name" ] && printf '%s\n' "$line"
    done <SHA256SUMS >"$scratch/line" || :
    [ -s "$scratch/line" ] || refuse "$name is not listed in SHA256SUMS"
    sha256sum --check --strict --quiet "$scratch/line" >/dev/null 2>&1 || refuse "$name is damaged"
    printf 'verify: genuine: %s, signed by the key %s\n' "$name" "$key"
fi

#!/bin/sh
# The appliance @VERSION@ for @MACHINE@: unpacks itself and installs. Needs root, tar, gzip and coreutils; no network.
#
#   sh FILE.run [options of install.sh]      install; see --help
#   sh FILE.run --extract DIRECTORY          only unpack
#
# A file cannot vouch for itself: prove it first, with verify.sh, the maker's public key, and the SHA256SUMS beside it.
set -eu
umask 022
offset=@OFFSET@
digest=@DIGEST@

[ "$(tail -c "+$offset" "$0" | sha256sum | cut -c1-64)" = "$digest" ] ||
    { echo "$0 is damaged: load it again" >&2; exit 20; }
case ${1:-} in
    --extract)
        mkdir -p "$2"
        tail -c "+$offset" "$0" | tar -xzf - -C "$2" --no-same-owner
        exit 0 ;;
    --help)
        tail -c "+$offset" "$0" | tar -xzOf - "@NAME@/install.sh" | sed -n '2,/^set /s/^# \{0,1\}//p'
        exit 0 ;;
esac
folder=$(mktemp -d "${TMPDIR:-/var/tmp}/appliance-install-XXXXXX")
trap 'rm -rf "$folder"' EXIT
tail -c "+$offset" "$0" | tar -xzf - -C "$folder" --no-same-owner
status=0
sh "$folder/@NAME@/install.sh" "$@" || status=$?
exit "$status"

#!/usr/bin/env bash
# Runs a command in a root, without a network, with FOLDER seen there as /build.
#   inside.sh ROOT FOLDER COMMAND...
set -euo pipefail
mkdir -p "$1/build"
exec unshare --mount --pid --net --fork -- bash -euc '
    root=$1 folder=$2
    shift 2
    mount --make-rprivate /
    mount --rbind /dev "$root/dev"
    mount -t proc proc "$root/proc"
    mount --bind "$folder" "$root/build"
    exec chroot "$root" "$@"' inside "$@"

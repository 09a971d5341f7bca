#!/usr/bin/env bash
# Makes the root in which the program is built for old C libraries: Debian 11 (glibc 2.31) with OpenSSL 3 and the
# interpreter, both compiled there.
#
#   installer/make_root.sh ROOT SOURCES
#
# SOURCES is a folder with one archive of the source of OpenSSL 3 (openssl*.tar.*) and one of CPython 3.11
# (python*.tar.* or Python*.tar.*). Take current ones: what they contain is what is shipped. Debian's `.orig` archives
# (`apt-get source --download-only`) do, but the one of python3.11 lacks the corrections that Debian adds to it.
# Needs root rights and debootstrap. A step that is done is not done again. Takes about 10 minutes
# on two cores.
set -euo pipefail
umask 022

root=${1:?"usage: make_root.sh ROOT SOURCES"}
sources=${2:?"usage: make_root.sh ROOT SOURCES"}
readonly packages=build-essential,zlib1g-dev,libffi-dev,libbz2-dev,liblzma-dev,libsqlite3-dev,uuid-dev,ca-certificates,perl,pkg-config

[[ -e $root/usr/bin/gcc ]] || debootstrap --variant=minbase --include="$packages" bullseye "$root"

unpack() {
    local name=$1 archives
    shift
    [[ -d $root/sources/$name ]] && return
    mapfile -t archives < <(find "$sources" -maxdepth 1 "$@" -name '*.tar.*z*' ! -name '*.asc')
    ((${#archives[@]} == 1)) || { echo "make_root.sh: one source archive of $name is needed in $sources" >&2; exit 1; }
    mkdir -p "$root/sources/$name.part"
    tar --extract --file="${archives[0]}" --directory="$root/sources/$name.part" --strip-components=1 --no-same-owner
    mv "$root/sources/$name.part" "$root/sources/$name"
}
unpack openssl -name 'openssl*'
unpack python -iname 'python*'

here=$(dirname "${BASH_SOURCE[0]}")
inside() { "$here/inside.sh" "$root" "$root/sources" "$@" </dev/null; }

[[ -e $root/opt/openssl/lib/libssl.so.3 ]] || inside bash -euc '
    cd /build/openssl
    ./Configure --prefix=/opt/openssl --libdir=lib --openssldir=/etc/ssl shared no-tests linux-x86_64 >/dev/null
    make -j"$(nproc)" >/dev/null && make install_sw >/dev/null'

# Without a shared OpenSSL and its rpath the interpreter is made without _ssl, and says so in one line of many.
[[ -x $root/opt/python/bin/python3.11 ]] || inside bash -euc '
    cd /build/python
    ./configure --prefix=/opt/python --enable-shared --with-openssl=/opt/openssl --with-openssl-rpath=auto \
        --with-ensurepip=install LDFLAGS=-Wl,-rpath,/opt/python/lib >/dev/null
    make -j"$(nproc)" >/dev/null && make install >/dev/null'

inside /opt/python/bin/python3.11 -c '
import bz2, ctypes, lzma, sqlite3, ssl, sys, zlib
print(sys.version, ssl.OPENSSL_VERSION)'

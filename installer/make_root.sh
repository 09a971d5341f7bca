#!/usr/bin/env bash
# Makes the root in which the program is built for old C libraries: Debian 11 (glibc 2.31) with OpenSSL 3 and the
# interpreter, both compiled there.
#
#   installer/make_root.sh ROOT SOURCES
#
# SOURCES is a folder with one archive of the source of OpenSSL 3 (openssl*.tar.*) and one of CPython 3.11
# (python*.tar.* or Python*.tar.*). Take current ones: what they contain is what is shipped. Debian's `.orig` archives
# (`apt-get source --download-only`) do; that of python3.11 is old, so the `.debian.tar.*` beside it has to be there too:
# its corrections of the interpreter are applied (those of Debian's own layout are not), and listed in the SBOM.
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
    mapfile -t archives < <(find "$sources" -maxdepth 1 "$@" -name '*.tar.*z*' ! -name '*.debian.tar.*' ! -name '*.asc')
    ((${#archives[@]} == 1)) || { echo "make_root.sh: one source archive of $name is needed in $sources" >&2; exit 1; }
    mkdir -p "$root/sources/$name.part"
    tar --extract --file="${archives[0]}" --directory="$root/sources/$name.part" --strip-components=1 --no-same-owner
    mv "$root/sources/$name.part" "$root/sources/$name"
}

# The corrections that Debian has for an old source: of the interpreter, not of where Debian puts its files.
correct() {
    local folder=$root/sources/python archive name
    archive=$(find "$sources" -maxdepth 1 -name 'python*.debian.tar.*' ! -name '*.asc')
    [[ -n $archive && ! -e $folder/corrections ]] || return 0
    tar --extract --file="$archive" --directory="$folder" --no-same-owner
    while read -r name; do
        case $name in
            CVE-* | *.patch | *deadlock* | *crash*) ;;
            *) continue ;;
        esac
        patch --directory="$folder" --strip=1 --silent --forward <"$folder/debian/patches/$name" ||
            { echo "make_root.sh: the correction $name does not fit the source" >&2; exit 1; }
        echo "$name" >>"$folder/corrections.part"
    done < <(grep -v '^#' "$folder/debian/patches/series")
    # One of them takes a header of the interpreter's core into a module that only Debian builds into it.
    sed -i '1i #ifndef Py_BUILD_CORE_BUILTIN\n#define Py_BUILD_CORE_MODULE 1\n#endif' "$folder/Modules/pyexpat.c"
    mv "$folder/corrections.part" "$folder/corrections"
}
unpack openssl -name 'openssl*'
unpack python -iname 'python*'
correct

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
    make -j"$(nproc)" >/dev/null && make install >/dev/null
    if [[ -e corrections ]]; then cp corrections /opt/python/; fi'

inside /opt/python/bin/python3.11 -c '
import bz2, ctypes, lzma, sqlite3, ssl, sys, zlib
print(sys.version, ssl.OPENSSL_VERSION)'

#!/bin/sh
# Installs the appliance on this machine, or removes it. Never uses the network.
#
#   install.sh [--answers FILE] [--key RELEASE.pem] [--no-start]
#   install.sh --preflight [--answers FILE]     checks the machine and changes nothing
#   install.sh --uninstall [--purge=WHAT]       keeps data unless told: data, config, backups, user, or all
#
# The answers are lines of NAME=VALUE (config/answers.example has all of them); without a file the defaults hold.
# Run again with the same release it changes nothing. Where an older release is in use it becomes an upgrade, which
# `appliance upgrade` does: with a backup, tried on a copy first, and taken back by itself when it fails.
#
# Exit status: 0 done, 2 usage, 10 not root, 11 machine, 12 C library, 13 disk, 14 memory, 15 port, 16 clock,
# 17 noexec, 18 systemd, 19 answers, 20 release damaged or not genuine, 21 program does not start, 22 service not ready,
# 23 the release in use was not upgraded.
set -eu
umask 022
LC_ALL=C
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
unset LD_LIBRARY_PATH

here=$(cd "$(dirname "$0")" && pwd -P)
prefix=/opt/appliance
command=/usr/bin/appliance
configuration=/etc/appliance
settings=$configuration/appliance.toml
unit_file=/etc/systemd/system/appliance.service
drop_ins=/etc/systemd/system/appliance.service.d

say() { printf '%s\n' "$*"; }
fail() { status=$1; shift; printf 'install: %s\n' "$*" >&2; exit "$status"; }
usage() { sed -n '4,6s/^#  *//p' "$0" >&2; exit 2; }

# --- What was asked for ---------------------------------------------------------------------------------------------

task=install answers_file='' key='' start=yes purge=''
while [ $# -gt 0 ]; do
    case $1 in
        --answers) [ $# -ge 2 ] || usage; answers_file=$2; shift ;;
        --answers=*) answers_file=${1#*=} ;;
        --key) [ $# -ge 2 ] || usage; key=$2; shift ;;
        --key=*) key=${1#*=} ;;
        --no-start) start=no ;;
        --preflight) task=preflight ;;
        --uninstall) task=uninstall ;;
        --purge=*) purge=${1#*=} ;;
        *) usage ;;
    esac
    shift
done

listen=127.0.0.1:8443 data_dir=/var/lib/appliance backup_dir=/var/backups/appliance
admin='' admin_password_file='' master_key_file=''

read_answers() {
    [ -r "$answers_file" ] || fail 19 "the answers file $answers_file cannot be read"
    number=0
    while IFS= read -r line || [ -n "$line" ]; do
        number=$((number + 1))
        case $line in '' | '#'*) continue ;; *=*) ;; *) fail 19 "$answers_file, line $number: expected NAME=VALUE" ;; esac
        value=${line#*=}
        case ${line%%=*} in
            listen) listen=$value ;;
            data_dir) data_dir=$value ;;
            backup_dir) backup_dir=$value ;;
            admin) admin=$value ;;
            admin_password_file) admin_password_file=$value ;;
            master_key_file) master_key_file=$value ;;
            *) fail 19 "$answers_file, line $number: no answer is called ${line%%=*}" ;;
        esac
    done <"$answers_file"
    case $listen in *[!0-9A-Za-z.:-]* | *: | :*) fail 19 "listen is ADDRESS:PORT, not '$listen'" ;; *:[0-9]*) ;; *) fail 19 "listen is ADDRESS:PORT, not '$listen'" ;; esac
    for path in "$data_dir" "$backup_dir" "$admin_password_file" "$master_key_file"; do
        case $path in '' ) ;; *[!0-9A-Za-z_./-]*) fail 19 "the path '$path' has characters that a unit does not take" ;; /*) ;; *) fail 19 "the path '$path' has to begin with /" ;; esac
    done
    if [ -n "$admin" ]; then
        [ -r "$admin_password_file" ] || fail 19 "admin_password_file '$admin_password_file' cannot be read"
    fi
    if [ -n "$master_key_file" ]; then
        [ -s "$master_key_file" ] || fail 19 "there is no master key in '$master_key_file'; make one: (umask 377; openssl rand -hex 32 > $master_key_file)"
        case $(stat -c %a "$master_key_file") in *00) ;; *) fail 19 "others may read $master_key_file: chmod 0400 $master_key_file" ;; esac
    fi
}

# --- What the machine has to be -------------------------------------------------------------------------------------

first_failure=0
good() { printf '  ok    %-11s %s\n' "$1" "$2"; }
warn() { printf '  note  %-11s %s\n' "$1" "$2"; }
bad() { printf '  FAIL  %-11s %s\n' "$2" "$3"; [ "$first_failure" -ne 0 ] || first_failure=$1; }

at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# The folder itself, or the nearest one above it that is there.
existing() { folder=$1; while [ ! -d "$folder" ]; do folder=$(dirname "$folder"); done; printf '%s\n' "$folder"; }
free_mb() { df -Pk "$(existing "$1")" | awk 'NR == 2 { print int($4 / 1024) }'; }

preflight() {
    port=${listen##*:}
    say "Checking this machine:"
    if [ "$(id -u)" -eq 0 ]; then good root yes; else bad 10 root "run it as root: sudo sh install.sh"; fi

    machine=$(uname -m)
    if [ "$machine" = "$MACHINE" ]; then good machine "$machine"
    else bad 11 machine "$machine; this release is for $MACHINE"; fi

    glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null | sed 's/^glibc //') || glibc=''
    if [ -z "$glibc" ]; then bad 12 "C library" "no GNU C library; glibc $GLIBC or newer is needed"
    elif at_least "$glibc" "$GLIBC"; then good "C library" "glibc $glibc, needed $GLIBC"
    else bad 12 "C library" "glibc $glibc is too old, $GLIBC is needed: use a newer release of the operating system"; fi

    free=$(free_mb "$prefix") need=$((PROGRAM_MB * 2))
    if [ "$free" -ge "$need" ]; then good disk "$free MB free for $prefix, needed $need"
    else bad 13 disk "$free MB free for $prefix, needed $need MB: one release and the next beside it"; fi
    free=$(free_mb "$data_dir")
    if [ "$free" -lt 1500 ]; then bad 13 disk "$free MB free for $data_dir, needed 1500 MB: give it a larger disk"
    elif [ "$free" -lt 10000 ]; then warn disk "$free MB free for $data_dir: enough to begin with"
    else good disk "$free MB free for $data_dir"; fi

    if [ -d "$data_dir" ] && [ ! -e "$data_dir/keyring.json" ] &&
        [ -n "$(find "$data_dir" -mindepth 1 -maxdepth 1 ! -name lost+found | head -n 1)" ]; then
        bad 13 disk "$data_dir holds files of something else: answer another data_dir="
    fi

    memory=$(awk '/^MemTotal:/ { print int($2 / 1024) }' /proc/meminfo)
    if [ "$memory" -lt 900 ]; then bad 14 memory "$memory MB; 1 GB is needed, 4 GB are good"
    elif [ "$memory" -lt 1900 ]; then warn memory "$memory MB: enough for a few connections"
    else good memory "$memory MB"; fi

    if is_active; then good port "$port, used by the appliance itself"
    elif port_taken "$port"; then bad 15 port "something listens on $port already (ss -ltnp shows it): answer another listen="
    else good port "$port is free"; fi

    now=$(date +%s)
    if [ "$now" -lt "$BUILT" ]; then bad 16 clock "$(date -u '+%Y-%m-%d %H:%M') UTC is before this release was made: set the time (timedatectl)"
    else good clock "$(date -u '+%Y-%m-%d %H:%M') UTC"; fi

    if [ "$(id -u)" -eq 0 ]; then check_exec; fi

    if [ ! -d /run/systemd/system ]; then bad 18 systemd "systemd does not run here; it starts and watches the service"
    else
        systemd=$(systemctl --version | awk 'NR == 1 { print $2 }')
        if [ "$systemd" -lt 239 ]; then bad 18 systemd "$systemd is too old, 239 is needed"
        elif [ "$systemd" -lt 247 ] && [ -n "$master_key_file" ]; then bad 18 systemd "$systemd hands no master key over (247 does): leave master_key_file out and set it in appliance.toml"
        else good systemd "$systemd"; fi
    fi

    if [ -r /sys/fs/selinux/enforce ] && [ "$(cat /sys/fs/selinux/enforce)" = 1 ]; then
        warn SELinux "enforcing: the labels of $prefix are set with restorecon, where it is there"
    else good SELinux "not enforcing"; fi
    if [ "$(cat /proc/sys/crypto/fips_enabled 2>/dev/null || echo 0)" = 1 ]; then
        warn FIPS "on: the program brings its own OpenSSL, which is no validated module"
    else good FIPS off; fi
    [ "$first_failure" -eq 0 ] || return 0
    say "The machine is fit."
}

check_exec() {
    folder=$(existing "$prefix") probe=$(mktemp "$(existing "$prefix")/.appliance-exec-XXXXXX") ||
        { bad 17 noexec "nothing can be written in $folder"; return; }
    printf '#!/bin/sh\nexit 0\n' >"$probe"
    chmod 0700 "$probe"
    if "$probe" 2>/dev/null; then good noexec "programs run in $folder"
    else bad 17 noexec "$folder is mounted noexec: mount it with exec, or mount another file system at $prefix"; fi
    rm -f "$probe"
}

is_active() { command -v systemctl >/dev/null && systemctl is-active --quiet appliance.service 2>/dev/null; }

# State 0A is LISTEN; the port stands in the file in hexadecimal digits.
port_taken() {
    cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
        awk -v port="$(printf '%04X' "$1")" '$4 == "0A" { n = split($2, part, ":"); if (part[n] == port) found = 1 } END { exit !found }'
}

# --- Installing -----------------------------------------------------------------------------------------------------

changed=no
# Writes standard input to a file only where that differs: a second run changes nothing.
put() {
    target=$1 mode=$2 owner=$3 fresh=$(mktemp "$1.XXXXXX")
    cat >"$fresh"
    chmod "$mode" "$fresh"
    chown "$owner" "$fresh"
    if [ -f "$target" ] && cmp -s "$fresh" "$target"; then rm -f "$fresh"; return; fi
    mv -f "$fresh" "$target"
    changed=yes
    say "  wrote $target"
}

directory() {
    if [ ! -d "$1" ]; then
        mkdir -p "$1"
        chmod "$2" "$1"
        chown "$3" "$1"
        changed=yes
        say "  made $1"
    elif [ "$(stat -c %U:%G "$1")" != "$3" ]; then
        # A disk that was mounted there, or data of a user that was made anew.
        case $3 in root:*) chown "$3" "$1" ;; *) chown -R "$3" "$1" ;; esac
        chmod "$2" "$1"
        changed=yes
        say "  gave $1 to $3"
    fi
}

check_release() {
    [ -f "$here/SHA256SUMS" ] || return 0 # what a package manager has checked and unpacked
    if [ -z "$key" ] && [ -r "$prefix/current/release.pem" ]; then key=$prefix/current/release.pem; fi
    if [ -n "$key" ]; then
        sh "$here/verify.sh" --key "$key" "$here" || fail 20 "the release is not genuine; nothing was changed"
    else
        (cd "$here" && sha256sum --check --strict --quiet SHA256SUMS) || fail 20 "the release is damaged; nothing was changed"
        say "The files are whole. Whether they are genuine was not asked: name the maker's key with --key."
    fi
}

install_program() {
    place=$prefix/$VERSION
    directory "$prefix" 0755 root:root
    [ "$here" != "$place" ] || return 0
    if [ -f "$place/build.env" ] && cmp -s "$place/build.env" "$here/build.env"; then return 0; fi
    rm -rf "$prefix/.$VERSION.new"
    cp -R "$here/program" "$prefix/.$VERSION.new"
    chown -R root:root "$prefix/.$VERSION.new"
    if command -v restorecon >/dev/null; then restorecon -R "$prefix/.$VERSION.new" || :; fi
    "$prefix/.$VERSION.new/appliance" --version >/dev/null ||
        { rm -rf "$prefix/.$VERSION.new"; fail 21 "the program does not start on this machine; see above"; }
    if [ -d "$place" ]; then mv "$place" "$prefix/.$VERSION.old"; fi
    mv "$prefix/.$VERSION.new" "$place"
    rm -rf "$prefix/.$VERSION.old"
    changed=yes
    say "  installed $place"
}

point_current() {
    if [ "$(readlink "$prefix/current" 2>/dev/null || :)" != "$VERSION" ]; then
        ln -sfn "$VERSION" "$prefix/.current.new"
        mv -T "$prefix/.current.new" "$prefix/current"
        changed=yes
    fi
    if [ ! -e "$command" ] && [ ! -L "$command" ]; then
        # A system whose /usr cannot be written has the program by its whole path alone.
        if ln -s "$prefix/current/appliance" "$command" 2>/dev/null; then changed=yes; say "  linked $command"; fi
    fi
}

make_user() {
    id appliance >/dev/null 2>&1 && return 0
    nologin=/usr/sbin/nologin
    [ -x "$nologin" ] || nologin=/bin/false
    useradd --system --user-group --no-create-home --home-dir "$data_dir" --shell "$nologin" appliance
    changed=yes
    say "  made the user appliance"
}

write_configuration() {
    # Never rewritten: from the first installation on it is the operator's.
    [ ! -f "$settings" ] || return 0
    awk -v listen="$listen" -v data_dir="$data_dir" -v key="$master_key_file" -v backup_dir="$backup_dir" '
        function answer(name, value) { printf "%s = \"%s\"\n", name, value }
        /^\[/ { table = $0 }
        table == "" && /^# listen = / { answer("listen", listen); next }
        table == "" && /^# data_dir = / { answer("data_dir", data_dir); next }
        table == "" && /^# master_key_file = / && key != "" { answer("master_key_file", key); next }
        table == "[backup]" && /^# target = / { answer("target", backup_dir); next }
        { print }' "$place/config/appliance.toml" | put "$settings" 0640 root:appliance
}

write_unit() {
    put "$unit_file" 0644 root:root <"$place/systemd/appliance.service"
    [ -d "$drop_ins" ] || mkdir -p "$drop_ins"
    if [ -n "$answers_file" ] || [ ! -e "$drop_ins/installation.conf" ]; then
        {
            echo "# Written by the installer from the answers."
            echo "[Service]"
            [ "$data_dir" = /var/lib/appliance ] || printf 'ReadWritePaths=%s\n' "$data_dir"
            [ "$backup_dir" = /var/backups/appliance ] || printf 'ReadWritePaths=-%s\n' "$backup_dir"
            [ -z "$master_key_file" ] || printf 'LoadCredential=appliance-master-key:%s\n' "$master_key_file"
            [ "${listen##*:}" -ge 1024 ] ||
                printf 'PrivateUsers=false\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n'
        } | put "$drop_ins/installation.conf" 0644 root:root
    fi
    if [ "$changed" = yes ]; then systemctl daemon-reload; fi
}

# Before the first start, so that nobody else becomes the administrator. The key is handed over as systemd does it.
make_admin() {
    if [ -z "$admin" ] || is_active; then return 0; fi
    credentials=$(mktemp -d /run/appliance-install-XXXXXX)
    chown appliance "$credentials"
    if [ -n "$master_key_file" ]; then
        install -o appliance -m 0400 "$master_key_file" "$credentials/appliance-master-key"
    fi
    made=yes
    runuser -u appliance -- env CREDENTIALS_DIRECTORY="$credentials" "$place/appliance" setup --admin "$admin" --if-none --password-file - <"$admin_password_file" || made=no
    rm -rf "$credentials"
    [ "$made" = yes ] || fail 22 "the administrator was not made; correct the answers and run this again"
}

# Where a browser finds it; on every address, by the name of this machine.
address() {
    host=${listen%:*} port=${listen##*:}
    case $host in 0.0.0.0 | '[::]' | ::) host=$(uname -n) ;; esac
    [ "$port" = 443 ] && printf 'https://%s' "$host" || printf 'https://%s:%s' "$host" "$port"
}

start_service() {
    systemctl --quiet enable appliance.service
    if [ "$start" = no ]; then say "Not started: systemctl start appliance"; return 0; fi
    if is_active && [ "$changed" = no ]; then say "Nothing to do: $VERSION is installed and runs."; return 0; fi
    say "Starting; this returns when the service is ready."
    if ! systemctl restart appliance.service; then
        journalctl --no-pager -u appliance.service -n 25 >&2 || :
        fail 22 "the service did not become ready; its last lines are above"
    fi
    say "Ready at $(address)/admin/"
    if [ -z "$admin" ] && [ -e "$data_dir/setup-token" ]; then
        say "Make the administrator within 30 minutes: $(address)/admin/setup?token=$(cat "$data_dir/setup-token")"
    fi
}

# --- Removing -------------------------------------------------------------------------------------------------------

uninstall() {
    [ "$(id -u)" -eq 0 ] || fail 10 "run it as root"
    [ "$purge" != all ] || purge=data,config,backups,user
    for what in $(printf '%s' "$purge" | tr ',' ' '); do
        case $what in data | config | backups | user) ;; *) fail 2 "--purge takes data, config, backups, user, or all" ;; esac
    done
    if [ -f "$settings" ]; then
        other=$(sed -n '/^\[/q; s/^data_dir *= *"\(\/..*\)"$/\1/p' "$settings")
        data_dir=${other:-$data_dir}
        other=$(sed -n '/^\[backup\]/,/^\[[^b]/s/^target *= *"\(\/..*\)"$/\1/p' "$settings")
        backup_dir=${other:-$backup_dir}
    fi
    if [ -d /run/systemd/system ]; then
        systemctl --quiet disable --now appliance.service 2>/dev/null || :
    fi
    rm -rf "$unit_file" "$drop_ins"
    if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
    rm -rf "$prefix"
    if [ "$(readlink "$command" 2>/dev/null || :)" = "$prefix/current/appliance" ]; then rm -f "$command"; fi
    say "Removed the service and $prefix."
    for what in data config backups; do
        case $what in data) path=$data_dir ;; config) path=$configuration ;; backups) path=$backup_dir ;; esac
        [ -e "$path" ] || continue
        case ",$purge," in
            *,"$what",*)
                # The folder of a disk that is mounted there stays, empty.
                rm -rf "$path" 2>/dev/null || [ -z "$(ls -A "$path")" ] || fail 13 "$path could not be deleted"
                # What restores have put aside lies beside the data, and is data.
                [ "$what" != data ] || rm -rf "$path".before-restore-*
                say "Deleted the $what: $path" ;;
            *) say "Kept the $what: $path (--purge=$what deletes it)" ;;
        esac
    done
    case ",$purge," in *,user,*) userdel appliance 2>/dev/null && say "Deleted the user appliance" || : ;; esac
}

# --------------------------------------------------------------------------------------------------------------------

if [ "$task" = uninstall ]; then uninstall; exit 0; fi
[ -r "$here/build.env" ] || fail 20 "build.env is missing beside install.sh"
. "$here/build.env"
[ -z "$answers_file" ] || read_answers
preflight
[ "$first_failure" -eq 0 ] || fail "$first_failure" "this machine is not fit; nothing was changed"
[ "$task" = install ] || exit 0
present=$(readlink "$prefix/current" 2>/dev/null || :)
if [ "$present" != "$VERSION" ] && [ -x "$prefix/$present/appliance" ] && [ -n "$present" ]; then
    say "Upgrading $present to $VERSION:"
    "$prefix/$present/appliance" upgrade "$here" ${key:+--release-key "$key"} ||
        fail 23 "$present was not upgraded to $VERSION; see above"
    exit 0
fi
check_release
say "Installing $VERSION:"
make_user
install_program
directory "$configuration" 0750 root:appliance
directory "$data_dir" 0700 appliance:appliance
directory "$backup_dir" 0700 appliance:appliance
write_configuration
point_current
write_unit
make_admin
start_service

# shellcheck shell=bash
# Functions shared by install.sh, upgrade.sh and uninstall.sh, which source this file.

umask 022 # root's may be stricter, but the service's user must be able to read what is installed

HOME_DIR=/opt/waitercaller
RELEASES=$HOME_DIR/releases
VENVS=$HOME_DIR/venvs
SETTINGS=/etc/waitercaller/env
# shellcheck disable=SC2034 # used by the scripts that source this
BACKUP_SETTINGS=/etc/waitercaller/backup.env # the nightly backup's database URI; readable by its user only
# shellcheck disable=SC2034
RESTORE_SETTINGS=/etc/waitercaller/restore.env # the database URIs of restore.sh; readable by root only
BACKUPS=/var/backups/waitercaller
SOCKET=/run/waitercaller.sock
COMMAND=/usr/local/sbin/waitercaller
LOCK=${WC_LOCK:-/run/waitercaller-deploy.lock} # see alone; restore.sh, too
UNITS=/etc/systemd/system
READY_SECONDS=${READY_SECONDS:-30}
SHIPPED=(waitercaller static templates deploy config.py wsgi.py requirements.txt pyproject.toml
    README.md CHANGELOG.md LICENSE)

SWITCHING=$HOME_DIR/switching # during a switch: the previous release, and whether it is an upgrade or a rollback
PENDING=$HOME_DIR/pending     # a file for each pending reload or restart: see mark_pending
DRY_RUN=
declare -A PENDING_NOW=() # the same in memory, since a dry run writes no files

# --- output, commands, files ----------------------------------------------------------------------------------

step() { printf '\n== %s\n' "$*"; }
say() { printf '   %s\n' "$*"; }
fail() {
    printf '\n%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# uptime_seconds: since this machine started. For waits: bash's SECONDS follows the clock, which may be set meanwhile.
uptime_seconds() { cut -d. -f1 /proc/uptime; }

# run COMMAND…: print and run the command; with --dry-run only print it.
run() {
    say "\$ $*"
    [[ $DRY_RUN ]] || "$@" 9>&- # what a command leaves running must not hold the lock
}

# put FILE MODE OWNER:GROUP: write standard input to FILE, unless content, mode and owner are the same already.
put() {
    local file=$1 mode=$2 owner=$3 new
    if [[ $DRY_RUN ]]; then
        cat >/dev/null
        say "would write $file ($mode $owner), unless it is so already"
        return
    fi
    new=$(mktemp)
    cat >"$new"
    if [[ $(stat -c '%a %U:%G' "$file" 2>/dev/null) != "${mode#0} $owner" ]] || ! cmp -s "$new" "$file"; then
        mark_readers_pending "$file"
        mkdir -p "$(dirname "$file")"
        install -m "$mode" -o "${owner%:*}" -g "${owner#*:}" "$new" "$file.new"
        mv -f "$file.new" "$file" # atomic: no reader sees an incomplete file
        say "wrote $file"
    fi
    rm -f "$new"
}

# folder PATH MODE OWNER:GROUP
folder() {
    [[ $(stat -c '%a %U:%G' "$1" 2>/dev/null) == "${2#0} $3" ]] || run install -d -m "$2" -o "${3%:*}" -g "${3#*:}" "$1"
}

# link TARGET NAME: atomically point the symbolic link NAME to TARGET.
link() {
    [[ $(readlink "$2" 2>/dev/null) != "$1" ]] || return 0
    mark_readers_pending "$2"
    run ln -sfn "$1" "$2.new" && run mv -T "$2.new" "$2"
}

# alone: fail if another script of this folder is at work on this machine. The lock ends with this process.
alone() {
    [[ ! $DRY_RUN ]] || return 0
    exec 9>>"$LOCK"
    flock --nonblock 9 || fail "$(cat "$LOCK") is at work on this machine; run this again when that has ended."
    echo "${0##*/}, process $$," >"$LOCK"
}

must_be_root() { [[ $DRY_RUN || $(id -u) == 0 ]] || fail 'run it as root (sudo).'; }

# --- pending reloads and restarts -----------------------------------------------------------------------------
# A changed file takes effect when its reader is reloaded. A run may be interrupted before that, and the next run would find
# the file unchanged; so pending reloads are recorded on disk until they are done.

# mark_pending NAME…: a daemon-reload (systemd), or a restart of socket, service or apache.
mark_pending() {
    local name
    for name; do
        PENDING_NOW[$name]=1
        [[ $DRY_RUN ]] || install -D -m 0644 /dev/null "$PENDING/$name"
    done
}

is_pending() { [[ ${PENDING_NOW[$1]:-} || -e $PENDING/$1 ]]; }

# clear_pending NAME: the reload or restart is done.
clear_pending() {
    unset "PENDING_NOW[$1]"
    [[ $DRY_RUN ]] || rm -f "$PENDING/$1"
}

# mark_readers_pending FILE: its readers must be reloaded or restarted.
mark_readers_pending() {
    case $1 in
        "$SETTINGS" | "$HOME_DIR/current" | "$(readlink "$HOME_DIR/current")/.venv") mark_pending service ;;
        "$UNITS"/waitercaller.socket.d/*) mark_pending systemd socket ;;
        "$UNITS"/waitercaller.s*) mark_pending systemd service ;;
        "$UNITS"/apache2*) mark_pending systemd apache ;;
        "$UNITS"/*) mark_pending systemd ;;
        /etc/apache2/*) mark_pending apache ;;
    esac
}

# --- settings -------------------------------------------------------------------------------------------------

# setting NAME: print its value in the settings, or nothing.
setting() {
    [[ -r $SETTINGS ]] || return 0
    sed -n "s/^$1=//p" "$SETTINGS" | tail -n 1 | sed "s/^'\(.*\)'\$/\1/"
}

# must_fit NAME VALUE: fail unless the value can be written into the settings in single quotes.
must_fit() { [[ $2 != *[\'$'\n']* ]] || fail "$1 must not hold a single quote or a line break."; }

# with_setting NAME VALUE: copy settings from standard input with NAME set to VALUE, replaced or appended.
with_setting() {
    must_fit "$@"
    name=$1 value=$2 awk '
        BEGIN { line = ENVIRON["name"] "=\047" ENVIRON["value"] "\047" }
        index($0, ENVIRON["name"] "=") == 1 { $0 = line; found = 1 }
        { print }
        END { if (!found) print line }'
}

# --- users ----------------------------------------------------------------------------------------------------

# make_users: the service's user, and one for the backups, since the service must not read these or their database URI.
make_users() {
    local name
    for name in waitercaller waitercaller-backup; do
        id -u "$name" >/dev/null 2>&1 ||
            run useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$name"
    done
    folder "$BACKUPS" 0750 waitercaller-backup:waitercaller-backup
}

# --- releases -------------------------------------------------------------------------------------------------

# version FOLDER: the version of a checkout, followed by a checksum of the shipped files.
version() {
    local number sum
    number=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$1/pyproject.toml")
    sum=$(cd "$1" && find "${SHIPPED[@]}" -type f -not -path '*/__pycache__/*' -print0 | LC_ALL=C sort -z |
        xargs -0 sha256sum | sha256sum)
    printf '%s-%s\n' "$number" "${sum:0:8}"
}

# bring_release FOLDER: copy the checkout to $RELEASES/<its version>, atomically; sets RELEASE.
bring_release() {
    RELEASE=$RELEASES/$(version "$1")
    if [[ -e $RELEASE/.complete ]]; then
        say "$RELEASE is here already"
    else
        run rm -rf "$RELEASE" # left by an interrupted run
        run install -d -m 0755 "$RELEASE"
        say "\$ copy ${SHIPPED[*]} to $RELEASE"
        [[ $DRY_RUN ]] || tar -C "$1" --exclude=__pycache__ --owner=0 --group=0 --mode=u=rwX,go=rX -cf - "${SHIPPED[@]}" |
            tar -C "$RELEASE" -xf -
        run python3 -m compileall -q "$RELEASE/waitercaller" "$RELEASE/config.py" "$RELEASE/wsgi.py"
        run touch "$RELEASE/.complete"
    fi
    bring_venv "$1/requirements.txt"
    name_static_files
}

# bring_venv REQUIREMENTS: create the venv, named after the checksum of its requirements and shared by releases with the same.
bring_venv() {
    local venv
    venv=$VENVS/$({ python3 --version && cat "$1"; } | sha256sum | cut -c 1-8)
    if [[ ! -e $venv/.complete ]]; then
        run rm -rf "$venv"
        run python3 -m venv "$venv"
        run "$venv/bin/python" -m pip install -q --disable-pip-version-check --no-cache-dir --require-hashes \
            --only-binary :all: -r "$1"
        run touch "$venv/.complete"
    fi
    link "$venv" "$RELEASE/.venv"
}

# name_static_files: write the version in the pages' static URLs into a file for Apache (apache/waitercaller.conf).
name_static_files() {
    [[ ! $DRY_RUN && ! -e $RELEASE/release.conf ]] || return 0
    local version
    version=$(cd "$RELEASE" && PYTHONDONTWRITEBYTECODE=1 .venv/bin/python -c \
        'from pathlib import Path; from waitercaller.site.static_files import fingerprint; print(fingerprint(Path("static")))') ||
        fail "$RELEASE cannot be loaded; what ran before goes on as if nothing had been."
    put "$RELEASE/release.conf" 0644 root:root <<CONF
Define WC_RELEASE $RELEASE
Define WC_STATIC_VERSION $version
CONF
}

# prune NUMBER: delete all but the newest NUMBER releases, the two linked ones, and the venvs that these use.
prune() {
    local old
    while read -r old; do
        [[ $old == "$(readlink $HOME_DIR/current)" || $old == "$(readlink $HOME_DIR/previous)" ]] || run rm -rf "$old"
    done < <(find "$RELEASES" -mindepth 1 -maxdepth 1 -type d -printf '%T@ %p\n' | sort -rn | tail -n "+$(($1 + 1))" | cut -d ' ' -f 2-)
    while read -r old; do
        readlink "$RELEASES"/*/.venv | grep -qxF "$old" || run rm -rf "$old"
    done < <(find "$VENVS" -mindepth 1 -maxdepth 1 -type d)
}

# --- the service ----------------------------------------------------------------------------------------------

# install_units: install the units and the command of the release that `current` points to.
install_units() {
    local from=$HOME_DIR/current/deploy unit
    [[ ! $DRY_RUN || -e $from ]] || from=$SOURCE/deploy
    while read -r unit; do
        put "$UNITS/$unit" 0644 root:root <"$from/systemd/$unit"
    done < <(cd "$from/systemd" && find . -type f -printf '%P\n' | sort)
    put "$COMMAND" 0755 root:root <"$from/waitercaller"
    if is_pending systemd; then
        run systemctl daemon-reload && clear_pending systemd
    fi
}

# enable UNIT [--now]
enable() {
    systemctl is-enabled --quiet "$1" 2>/dev/null || run systemctl enable --quiet "$@"
}

# ready SOCKET: whether /readyz answers 200 there.
ready() {
    curl --silent --fail --max-time 5 --output /dev/null --unix-socket "$1" "http://$(setting TRUSTED_HOSTS | cut -d, -f1)/readyz"
}

# wait_until_ready SOCKET [SECONDS]
wait_until_ready() {
    local until=$(($(uptime_seconds) + ${2:-$READY_SECONDS}))
    until ready "$1"; do
        (($(uptime_seconds) < until)) || return 1
        sleep 0.2
    done
}

# restart_service: the socket stays open, so requests wait instead of failing. /readyz tells whether it succeeded.
restart_service() {
    run systemctl reset-failed waitercaller.socket waitercaller.service || true
    run systemctl start waitercaller.socket || true
    run systemctl restart waitercaller.service || true
}

# serves [SECONDS]: whether the service becomes ready after a restart, and so uses what was changed.
serves() {
    [[ $DRY_RUN ]] || wait_until_ready "$SOCKET" "$@" || return
    clear_pending service
}

# --- switching releases ---------------------------------------------------------------------------------------

# switch_to RELEASE [rollback]: start it on another socket beside the running one, then switch; roll back when it does not
# become ready. The file SWITCHING records the switch, so that the next run can undo one that was interrupted.
switch_to() {
    local old new=$1
    old=$(readlink "$HOME_DIR/current")
    step 'Collections, indexes and validators'
    run env WAITERCALLER_RELEASE="$new" "$COMMAND" build-database || fail "$old goes on as if nothing had been."
    step 'A rehearsal: the new version on a socket of its own'
    [[ $DRY_RUN ]] || rehearse "$new" || fail "$new does not get ready; $old goes on as if nothing had been."
    step 'The new version takes over'
    put "$SWITCHING" 0644 root:root <<<"$old ${2:-upgrade}"
    if take_over "$new" && serves; then
        link "$old" "$HOME_DIR/previous"
        run rm -f "$SWITCHING"
        say "$new is ready"
        return
    fi
    step 'It does not get ready: back to the old version'
    go_back
    fail "$new did not get ready, so $old runs again: journalctl -u waitercaller"
}

# go_back: from a failed or interrupted switch to the previous release.
go_back() {
    local old ready=
    read -r old _ <"$SWITCHING"
    if take_over "$old" && serves 60; then ready=1; fi
    run rm -f "$SWITCHING" # also on failure: the next version may fix it
    [[ $ready ]] || fail "$old does not get ready: journalctl -u waitercaller"
}

# undo_interrupted_switch: returns 1 when there was none.
undo_interrupted_switch() {
    [[ -e $SWITCHING ]] || return
    step "A switch to another version was interrupted: first back to $(cut -d ' ' -f 1 "$SWITCHING")"
    go_back
}

# rehearse RELEASE
rehearse() {
    local folder gunicorn result=0
    folder=$(mktemp -d)
    chown waitercaller: "$folder"
    WAITERCALLER_RELEASE=$1 "$COMMAND" rehearse "$folder/socket" 9>&- &
    gunicorn=$!
    wait_until_ready "$folder/socket" || result=1
    kill "$gunicorn" 2>/dev/null || true
    wait "$gunicorn" || true
    rm -rf "$folder"
    return $result
}

# take_over RELEASE: fails when Apache rejects the release's virtual hosts.
take_over() {
    link "$1" "$HOME_DIR/current"
    install_units
    if [[ -e /etc/apache2/sites-enabled/000-waitercaller.conf ]]; then
        run apache2ctl configtest || return
        restart_service
        run systemctl reload apache2 # graceful: no request fails
    else
        restart_service
    fi
}

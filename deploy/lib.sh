# shellcheck shell=bash
# What install.sh, upgrade.sh and uninstall.sh share: sourced, never run.

umask 022 # root may have another; the service's user must read what is laid down here

HOME_DIR=/opt/waitercaller
RELEASES=$HOME_DIR/releases
VENVS=$HOME_DIR/venvs
SETTINGS=/etc/waitercaller/env
# shellcheck disable=SC2034 # for those who source this
BACKUP_SETTINGS=/etc/waitercaller/backup.env # the way into the database of the nightly backup, and of nobody else
# shellcheck disable=SC2034
RESTORE_SETTINGS=/etc/waitercaller/restore.env # those of restore.sh; root's, by hand
BACKUPS=/var/backups/waitercaller
SOCKET=/run/waitercaller.sock
COMMAND=/usr/local/sbin/waitercaller
UNITS=/etc/systemd/system
READY_SECONDS=${READY_SECONDS:-30}
SHIPPED=(waitercaller static templates deploy config.py wsgi.py requirements.txt pyproject.toml
    README.md CHANGELOG.md LICENSE)

SWITCHING=$HOME_DIR/switching # during a switch: the release that ran before, and whether it is an upgrade or a rollback
OWED=$HOME_DIR/owed           # a file for each whom `owe` names
DRY_RUN=
declare -A OWED_NOW=() # the same in memory, which is all that a dry run has

# --- saying and doing -----------------------------------------------------------------------------------------

step() { printf '\n== %s\n' "$*"; }
say() { printf '   %s\n' "$*"; }
fail() {
    printf '\n%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# run COMMAND…: do it; with --dry-run only say it.
run() {
    say "\$ $*"
    [[ $DRY_RUN ]] || "$@"
}

# put FILE MODE OWNER:GROUP: standard input becomes FILE; a file that is so already is not touched.
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
        owe_readers "$file"
        mkdir -p "$(dirname "$file")"
        install -m "$mode" -o "${owner%:*}" -g "${owner#*:}" "$new" "$file.new"
        mv -f "$file.new" "$file" # in one move: nobody reads half of it
        say "wrote $file"
    fi
    rm -f "$new"
}

# folder PATH MODE OWNER:GROUP
folder() {
    [[ $(stat -c '%a %U:%G' "$1" 2>/dev/null) == "${2#0} $3" ]] || run install -d -m "$2" -o "${3%:*}" -g "${3#*:}" "$1"
}

# link TARGET NAME: NAME points to TARGET from one moment to the next.
link() {
    [[ $(readlink "$2" 2>/dev/null) != "$1" ]] || return 0
    owe_readers "$2"
    run ln -sfn "$1" "$2.new" && run mv -T "$2.new" "$2"
}

must_be_root() { [[ $DRY_RUN || $(id -u) == 0 ]] || fail 'run it as root (sudo).'; }

# --- what is still to be done ---------------------------------------------------------------------------------
# A changed file counts only when its reader has read it again. A run may end before that, and the next one finds the file
# as it should be; so what is owed to whom is kept on disk until it is done.

# owe NAME…: systemd (a daemon-reload), or a restart to socket, service or apache.
owe() {
    local name
    for name; do
        OWED_NOW[$name]=1
        [[ $DRY_RUN ]] || install -D -m 0644 /dev/null "$OWED/$name"
    done
}

owes() { [[ ${OWED_NOW[$1]:-} || -e $OWED/$1 ]]; }

# settle NAME: it is done.
settle() {
    unset "OWED_NOW[$1]"
    [[ $DRY_RUN ]] || rm -f "$OWED/$1"
}

# owe_readers FILE: whoever reads it must do so again.
owe_readers() {
    case $1 in
        "$SETTINGS" | "$HOME_DIR/current" | "$(readlink "$HOME_DIR/current")/.venv") owe service ;;
        "$UNITS"/waitercaller.socket.d/*) owe systemd socket ;;
        "$UNITS"/waitercaller.s*) owe systemd service ;;
        "$UNITS"/apache2*) owe systemd apache ;;
        "$UNITS"/*) owe systemd ;;
        /etc/apache2/*) owe apache ;;
    esac
}

# --- settings -------------------------------------------------------------------------------------------------

# setting NAME: its value in the settings, or nothing.
setting() {
    [[ -r $SETTINGS ]] || return 0
    sed -n "s/^$1=//p" "$SETTINGS" | tail -n 1 | sed "s/^'\(.*\)'\$/\1/"
}

# must_fit NAME VALUE: whether the value can be written there in single quotes.
must_fit() { [[ $2 != *[\'$'\n']* ]] || fail "$1 must not hold a single quote or a line break."; }

# with_setting NAME VALUE: standard input with NAME set to VALUE, in its place or at the end.
with_setting() {
    must_fit "$@"
    name=$1 value=$2 awk '
        BEGIN { line = ENVIRON["name"] "=\047" ENVIRON["value"] "\047" }
        index($0, ENVIRON["name"] "=") == 1 { $0 = line; found = 1 }
        { print }
        END { if (!found) print line }'
}

# --- users ----------------------------------------------------------------------------------------------------

# make_users: the service's, and one for the backups, for the service is not to read these, nor their way into the database.
make_users() {
    local name
    for name in waitercaller waitercaller-backup; do
        id -u "$name" >/dev/null 2>&1 ||
            run useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$name"
    done
    folder "$BACKUPS" 0750 waitercaller-backup:waitercaller-backup
}

# --- releases -------------------------------------------------------------------------------------------------

# version FOLDER: the version of a checkout, with what tells two of the same number apart: a sum over what is shipped.
version() {
    local number sum
    number=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$1/pyproject.toml")
    sum=$(cd "$1" && find "${SHIPPED[@]}" -type f -not -path '*/__pycache__/*' -print0 | LC_ALL=C sort -z |
        xargs -0 sha256sum | sha256sum)
    printf '%s-%s\n' "$number" "${sum:0:8}"
}

# bring_release FOLDER: the checkout becomes $RELEASES/<its version>, complete or not at all; sets RELEASE.
bring_release() {
    RELEASE=$RELEASES/$(version "$1")
    if [[ -e $RELEASE/.complete ]]; then
        say "$RELEASE is here already"
    else
        run rm -rf "$RELEASE" # one that was interrupted
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

# bring_venv REQUIREMENTS: a venv is named for what it holds, and shared by the releases that want the same.
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

# name_static_files: for Apache (apache/waitercaller.conf), the version that the application's pages ask for.
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

# prune NUMBER: keep the newest NUMBER releases, the two that are linked, and the venvs that these use.
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

# install_units: the units and the command of the release that `current` points to.
install_units() {
    local from=$HOME_DIR/current/deploy unit
    [[ ! $DRY_RUN || -e $from ]] || from=$SOURCE/deploy
    while read -r unit; do
        put "$UNITS/$unit" 0644 root:root <"$from/systemd/$unit"
    done < <(cd "$from/systemd" && find . -type f -printf '%P\n' | sort)
    put "$COMMAND" 0755 root:root <"$from/waitercaller"
    if owes systemd; then
        run systemctl daemon-reload && settle systemd
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
    local until=$((SECONDS + ${2:-$READY_SECONDS}))
    until ready "$1"; do
        ((SECONDS < until)) || return 1
        sleep 0.2
    done
}

# restart_service: the socket stays open, so requests wait instead of failing. Whether it went well, /readyz says.
restart_service() {
    run systemctl reset-failed waitercaller.socket waitercaller.service || true
    run systemctl start waitercaller.socket || true
    run systemctl restart waitercaller.service || true
}

# serves [SECONDS]: whether it gets ready after a restart, and so has taken up what was changed.
serves() {
    [[ $DRY_RUN ]] || wait_until_ready "$SOCKET" "$@" || return
    settle service
}

# --- from one release to another ------------------------------------------------------------------------------

# switch_to RELEASE [rollback]: try it out next to the running one, then let it take over; when it is not ready then, go
# back. What is being done stands in a file, for a run may end before it is.
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

# go_back: from a switch that has not come to its end, which may have been interrupted, to what ran before.
go_back() {
    local old ready=
    read -r old _ <"$SWITCHING"
    if take_over "$old" && serves 60; then ready=1; fi
    run rm -f "$SWITCHING" # even so: the next version may be the remedy
    [[ $ready ]] || fail "$old does not get ready: journalctl -u waitercaller"
}

# undo_interrupted_switch: returns 1 where none was.
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
    WAITERCALLER_RELEASE=$1 "$COMMAND" rehearse "$folder/socket" &
    gunicorn=$!
    wait_until_ready "$folder/socket" || result=1
    kill "$gunicorn" 2>/dev/null || true
    wait "$gunicorn" || true
    rm -rf "$folder"
    return $result
}

# take_over RELEASE: fails when Apache does not understand the virtual hosts that come with it.
take_over() {
    link "$1" "$HOME_DIR/current"
    install_units
    if [[ -e /etc/apache2/sites-enabled/000-waitercaller.conf ]]; then
        run apache2ctl configtest || return
        restart_service
        run systemctl reload apache2 # loses nothing
    else
        restart_service
    fi
}

#!/usr/bin/env bash
# restore.sh FILE: writes a backup to the database waitercaller_restored beside the present one, and looks whether all is
# there. Nothing else is touched: run it now and then. FILE may be a folder; then it is the newest backup in there.
# restore.sh FILE --replace: afterwards lets it take the place of the present database. Waiter Caller stops meanwhile.
# restore.sh FILE --replace --whole-server: only for a file of mongodump, which holds the whole server it came from. All its
# databases, and its users with their passwords, are then as at the one moment when the backup ended. Without this word only
# our database is, each document as mongodump read it.
set -euo pipefail
umask 0077
file=$(realpath "${1:?restore.sh FILE [--replace [--whole-server]]}")
[[ ! -d $file ]] || file=$(find "$file" -maxdepth 1 -type f -name 'waitercaller-*.gz' | sort | tail -n 1)
replace=${2:-}
whole_server=${3:-}
[[ $replace$whole_server =~ ^(--replace(--whole-server)?)?$ ]] ||
    { echo 'restore.sh FILE [--replace [--whole-server]]' >&2 && exit 2; }
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
flask=${WC_FLASK:-$root/.venv/bin/flask}

if [[ -z ${MONGODB_URI:-} ]]; then
    set -a
    # shellcheck source=/dev/null
    . /etc/waitercaller/env
    set +a
fi
cd "$root"

database=$(sed -E 's#^[^/]*//[^/]*/([^?]*).*#\1#' <<<"$MONGODB_URI")
stopped=

stop() { [[ ! -d /run/systemd/system ]] || { systemctl stop waitercaller.socket waitercaller.service && stopped=1; }; }
start() { [[ ! $stopped ]] || systemctl start waitercaller.socket waitercaller.service; }
trap start EXIT

# --- a file of `flask backup` -------------------------------------------------------------------------------------------

restore_bson() {
    [[ ! $whole_server ]] || { echo "$file holds our database and no more: restore.sh FILE --replace" >&2 && exit 2; }
    "$flask" --app wsgi restore "$file"
    [[ $replace ]] || return 0
    stop
    "$flask" --app wsgi restore "$file" --replace --yes
}

# --- a file of mongodump ------------------------------------------------------------------------------------------------

# tool [OPTIONS…]: mongorestore of this file; the password goes through a file.
tool() { mongorestore --config "$work/settings.yml" --gzip --archive="$file" --stopOnError "$@"; }

# beside DATABASE COMMAND…: a command of `flask` on another database, as the user of backups.
beside() {
    local other=$1
    shift
    MONGODB_URI=$(sed -E "s#^([^/]*//[^/]*)(/[^?]*)?#\1/$other#" <<<"$BACKUP_MONGODB_URI") "$flask" --app wsgi "$@"
}

restore_archive() {
    work=$(mktemp -d)
    trap 'rm -rf "$work"; start' EXIT
    printf 'uri: "%s"\n' "${BACKUP_MONGODB_URI:?is needed for this file: see backup.sh}" >"$work/settings.yml"
    gzip --test "$file"
    tool --nsInclude "$database.*" --nsFrom "$database.*" --nsTo "${database}_restored.*" --drop
    beside "${database}_restored" check-database
    [[ $replace ]] || { echo "${database}_restored holds it; $database was not touched." && return 0; }
    stop
    if [[ $whole_server ]]; then
        echo 'All databases, users and passwords become those of the backup; /etc/waitercaller/env must fit them.'
        tool --oplogReplay --drop
    else
        tool --nsInclude "$database.*" --drop
    fi
    beside "$database" build-database
    beside "$database" check-database
    echo "Logins that ended since then are good again: flask end-logins --all ends them."
}

case $file in
    *.bson.gz) restore_bson ;;
    *.archive.gz) restore_archive ;;
    *) echo "$file is neither a file of flask backup (.bson.gz) nor of mongodump (.archive.gz)." >&2 && exit 2 ;;
esac

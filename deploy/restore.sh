#!/usr/bin/env bash
# restore.sh FILE: test a backup: restore it to the database waitercaller_restored beside the present one, verify it, and
# drop it again. Changes nothing else; run it regularly. If FILE is a folder, its newest file is used.
# restore.sh FILE --replace: then replace the present database. Waiter Caller is stopped meanwhile, and stays stopped if that
# fails: the database may then be a mixture of old and new, without indexes and validators.
# restore.sh FILE --replace --whole-server: for a file of mongodump only, which holds the whole server. All its databases and
# users, with their passwords, are restored as of the moment when the backup ended. Without this option only our database is
# restored, each document as mongodump read it.
#
# For a file of mongodump, /etc/waitercaller/restore.env (readable by root only) has RESTORE_MONGODB_URI, whose user has the
# role restore, and for --whole-server ADMIN_MONGODB_URI, an administrator with the role waitercaller-replay: mongodb/users.js.
set -euo pipefail
umask 0077
file=$(realpath "${1:?restore.sh FILE [--replace [--whole-server]]}")
[[ ! -d $file ]] || file=$(find "$file" -maxdepth 1 -type f -name 'waitercaller-*.gz' | sort | tail -n 1)
[[ -f $file ]] || { echo "restore.sh: there is no backup at $1." >&2 && exit 2; }
replace=${2:-}
whole_server=${3:-}
[[ $replace$whole_server =~ ^(--replace(--whole-server)?)?$ ]] ||
    { echo 'restore.sh FILE [--replace [--whole-server]]' >&2 && exit 2; }
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${WC_PYTHON:-$root/.venv/bin/python}
export PYTHONDONTWRITEBYTECODE=1
systemctl=${WC_SYSTEMCTL:-systemctl}
[[ ${WC_SYSTEMCTL:-} || -d /run/systemd/system ]] || systemctl=true

load() {
    set -a
    # shellcheck source=/dev/null
    . "$1"
    set +a
}
export ERASURE_LOG=${ERASURE_LOG:-/var/lib/waitercaller-erasures/log}
[[ ${MONGODB_URI:-} ]] || load /etc/waitercaller/env
[[ ${RESTORE_MONGODB_URI:-} || ! -e /etc/waitercaller/restore.env ]] || load /etc/waitercaller/restore.env
cd "$root"

# Not while another of these scripts is at work: an upgrade would start the service in the middle of it (lib.sh, alone).
lock=${WC_LOCK:-/run/waitercaller-deploy.lock}
exec 9>>"$lock"
flock --nonblock 9 || { echo "restore.sh: $(cat "$lock") is at work on this machine." >&2 && exit 1; }
echo "restore.sh, process $$," >"$lock"

# The database of MONGODB_URI, and the one for the test.
database=$(sed -E 's#^[^/]*//[^/]*/([^?]*).*#\1#' <<<"$MONGODB_URI")
rehearsal=${database}_restored
work=$(mktemp -d)
stopped=
trap finish EXIT

flask() { "$python" -m flask --app wsgi "$@"; }

# on DATABASE COMMAND…: a flask command on that database, as the application's user.
on() {
    local uri
    uri=$(sed -E "s#^([^/]*//[^/]*)/[^?]*#\1/$1#" <<<"$MONGODB_URI")
    shift
    MONGODB_URI=$uri flask "$@"
}

# note_drill: for the doctor and the page of diagnostics.
note_drill() { flask note-upkeep drill "$file" "$SECONDS" || echo 'That could not be noted in the database.' >&2; }

# forget_rehearsal: drop the test database, so that it is not part of the next backup.
forget_rehearsal() {
    "$python" -c 'import os, sys, pymongo; pymongo.MongoClient(os.environ["MONGODB_URI"]).drop_database(sys.argv[1])' "$rehearsal"
}

stop() {
    stopped=1
    "$systemctl" stop waitercaller.socket waitercaller.service
}

# start: build the indexes first: without them calls and registrations could be duplicated. Who was erased since the backup is
# erased again before anybody can log in.
start() {
    flask build-database # the backup may be older than the present version
    flask check-database
    flask erase-again
    "$systemctl" start waitercaller.socket waitercaller.service
    stopped=
}

finish() {
    rm -rf "$work"
    [[ ! $stopped ]] || cat >&2 <<STOPPED

restore.sh: $database was not replaced as a whole, and so Waiter Caller STAYS STOPPED on this machine. Do not start it: its
database may be half of the backup and half of before, and without the indexes that carry its rules. What failed is said above.
Put that right, then run the same again, or with another backup:
  ${BASH_SOURCE[0]} $file $replace $whole_server
Only where it was nothing but the start: systemctl start waitercaller.socket waitercaller
STOPPED
}

# --- a file of `flask backup` -------------------------------------------------------------------------------------------

restore_bson() {
    [[ ! $whole_server ]] || { echo "$file holds our database and no more: restore.sh FILE --replace" >&2 && exit 2; }
    flask restore "$file"
    [[ $replace ]] || { note_drill && return 0; }
    stop
    flask restore "$file" --replace --yes
    start
}

# --- a file of mongodump ------------------------------------------------------------------------------------------------

# tool [OPTIONS…]: mongorestore of this file, with the password in a configuration file. Without validation, since documents
# may be older than the present validators.
tool() {
    mongorestore --config "$work/settings.yml" --gzip --archive="$file" --stopOnError --bypassDocumentValidation "$@"
}

restore_archive() {
    local uri
    if [[ $whole_server ]]; then
        uri=${ADMIN_MONGODB_URI:?is needed for --whole-server, in /etc/waitercaller/restore.env}
    else
        uri=${RESTORE_MONGODB_URI:?is needed for this file, in /etc/waitercaller/restore.env}
    fi
    printf 'uri: "%s"\n' "$uri" >"$work/settings.yml"
    gzip --test "$file"
    forget_rehearsal
    trap 'forget_rehearsal || true; finish' EXIT
    tool --nsInclude "$database.*" --nsFrom "$database.*" --nsTo "$rehearsal.*" --drop
    on "$rehearsal" check-database
    flask show-losses "$rehearsal"
    forget_rehearsal
    trap finish EXIT
    if [[ ! $replace ]]; then
        echo "All of it is there. $rehearsal, where it was tried, is gone again; $database was not touched."
        note_drill
        return
    fi
    stop
    if [[ $whole_server ]]; then
        echo 'All databases, users and passwords become those of the backup; /etc/waitercaller/env must fit them.'
        tool --oplogReplay --drop
    else
        tool --nsInclude "$database.*" --drop
    fi
    start
    echo "Logins that ended since then are good again: waitercaller end-logins --all ends them."
    echo "Passwords, addresses and second factors are those of then."
}

case $file in
    *.bson.gz) restore_bson ;;
    *.archive.gz) restore_archive ;;
    *) echo "$file is neither a file of flask backup (.bson.gz) nor of mongodump (.archive.gz)." >&2 && exit 2 ;;
esac

#!/usr/bin/env bash
# backup.sh FOLDER: dump the database into a dated file in FOLDER, readable by its owner only. Keeps the newest 30.
#
# With MongoDB's tools installed and BACKUP_MONGODB_URI in /etc/waitercaller/backup.env (a user with the role backup, see
# mongodb/users.js; without a database name and with authSource=admin): mongodump --oplog, a consistent dump for databases of
# any size. Otherwise `flask backup`, as the application's own user.
#
# A file on the same disk is not a backup: copy FOLDER to another machine, and test restore.sh regularly.
set -euo pipefail
umask 0077
folder=${1:?backup.sh FOLDER}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${WC_PYTHON:-$root/.venv/bin/python}
name=$folder/waitercaller-$(date -u +%Y%m%dT%H%M%SZ)

if [[ -z ${MONGODB_URI:-} ]]; then # run by hand as root: waitercaller-backup.service sets it
    set -a
    # shellcheck source=/dev/null
    . /etc/waitercaller/env
    # shellcheck source=/dev/null
    [[ ! -e /etc/waitercaller/backup.env ]] || . /etc/waitercaller/backup.env
    set +a
fi
cd "$root"
keep=${WC_KEEP:-30}

if [[ ${BACKUP_MONGODB_URI:-} ]] && command -v mongodump >/dev/null; then
    unfinished=$(mktemp -d "$folder/.unfinished.XXXXXX")
    trap 'rm -rf "$unfinished"' EXIT
    # In a file: command lines can be read by every local user.
    printf 'uri: "%s"\n' "$BACKUP_MONGODB_URI" >"$unfinished/settings.yml"
    mongodump --config "$unfinished/settings.yml" --quiet --oplog --gzip --archive="$unfinished/archive"
    sync "$unfinished/archive"
    made=$name.archive.gz
    mv "$unfinished/archive" "$made"
    echo "$made: $(stat -c %s "$made") bytes, all of one moment."
else
    made=$name.bson.gz
    "$python" -m flask --app wsgi backup "$made"
fi
# For the doctor and the page of diagnostics, which cannot read FOLDER.
"$python" -m flask --app wsgi note-upkeep backup "$made" "$SECONDS" || echo 'That could not be noted in the database.' >&2

# Only after a successful backup.
find "$folder" -maxdepth 1 -type f -name 'waitercaller-*.gz' -printf '%f\n' | sort -r | tail -n "+$((keep + 1))" |
    while read -r old; do rm -f "$folder/$old"; done

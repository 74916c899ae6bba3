#!/usr/bin/env bash
# backup.sh FOLDER: the database into a dated file in FOLDER that only its owner may read. The newest 30 are kept.
#
# With MongoDB's tools and BACKUP_MONGODB_URI in /etc/waitercaller/backup.env (a user with the role backup, see
# mongodb/users.js; without a database's name and with authSource=admin): mongodump --oplog, all of one moment, for
# databases of any size. Otherwise `flask backup`, with the application's own user.
#
# A file on the same disk is no backup: copy FOLDER to another place, and try restore.sh now and then.
set -euo pipefail
umask 0077
folder=${1:?backup.sh FOLDER}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${WC_PYTHON:-$root/.venv/bin/python}
keep=${WC_KEEP:-30}
name=$folder/waitercaller-$(date -u +%Y%m%dT%H%M%SZ)

if [[ -z ${MONGODB_URI:-} ]]; then # by hand, as root: waitercaller-backup.service sets it
    set -a
    # shellcheck source=/dev/null
    . /etc/waitercaller/env
    # shellcheck source=/dev/null
    [[ ! -e /etc/waitercaller/backup.env ]] || . /etc/waitercaller/backup.env
    set +a
fi
cd "$root"

if [[ ${BACKUP_MONGODB_URI:-} ]] && command -v mongodump >/dev/null; then
    unfinished=$(mktemp -d "$folder/.unfinished.XXXXXX")
    trap 'rm -rf "$unfinished"' EXIT
    # In a file: what is on a command line can be read by everybody on this machine.
    printf 'uri: "%s"\n' "$BACKUP_MONGODB_URI" >"$unfinished/settings.yml"
    mongodump --config "$unfinished/settings.yml" --quiet --oplog --gzip --archive="$unfinished/archive"
    sync "$unfinished/archive"
    mv "$unfinished/archive" "$name.archive.gz"
    echo "$name.archive.gz: $(stat -c %s "$name.archive.gz") bytes, all of one moment."
else
    "$python" -m flask --app wsgi backup "$name.bson.gz"
fi

# Only after a backup that went well.
find "$folder" -maxdepth 1 -type f -name 'waitercaller-*.gz' -printf '%f\n' | sort -r | tail -n "+$((keep + 1))" |
    while read -r old; do rm -f "$folder/$old"; done

#!/usr/bin/env bash
# Removes Waiter Caller from this machine; keeps settings, backups and the database, and prints where they are.
set -euo pipefail
SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$SOURCE/deploy/lib.sh"

remove_units() {
    step 'The service and the timers'
    local unit
    while read -r unit; do
        case $unit in
            *@* | */*) ;;
            *) [[ ! -e $UNITS/$unit ]] || run systemctl disable --quiet --now "$unit" ;;
        esac
        run rm -f "$UNITS/$unit"
    done < <(cd "$SOURCE/deploy/systemd" && find . -type f -printf '%P\n' | sort -r) # sockets and timers before services
    run rm -rf "$UNITS/waitercaller.socket.d" # written by install.sh --listen
    run systemctl daemon-reload
}

remove_hosts() {
    step 'The virtual hosts'
    local here=/etc/apache2
    local files=("$here/sites-available/000-waitercaller.conf" "$here/conf-available/waitercaller-mpm.conf")
    [[ -e ${files[0]} || -e ${files[1]} ]] || { say 'there are none' && return; } # a web machine behind a balancer has none
    [[ ! -L $here/sites-enabled/000-waitercaller.conf ]] || run a2dissite -q 000-waitercaller
    [[ ! -L $here/conf-enabled/waitercaller-mpm.conf ]] || run a2disconf -q waitercaller-mpm
    run systemctl restart apache2
    run rm -f "${files[@]}"
}

remove_code() {
    step 'The code'
    run rm -rf "$HOME_DIR" "$COMMAND" /var/lib/waitercaller
}

main() {
    case ${1:-} in
        '') ;;
        --dry-run) DRY_RUN=1 ;;
        --help | -h) echo 'sudo deploy/uninstall.sh [--dry-run]' && exit ;;
        *) fail 'uninstall.sh [--dry-run]' ;;
    esac
    must_be_root
    alone
    remove_units
    remove_hosts
    remove_code
    step 'Kept'
    cat <<KEPT
   the database         where MONGODB_URI in $SETTINGS says
   the settings         $SETTINGS, with the SECRET_KEY that links and cookies are signed with,
                        and the ways into the database beside it
   the backups          $BACKUPS
   the log of erasures  /var/lib/waitercaller-erasures, which a restore of those needs
   the certificate      /etc/letsencrypt; \`certbot delete\` ends its renewal
   packages, and the users waitercaller and waitercaller-backup, to whom the backups belong
deploy/install.sh brings all of it back into use.
KEPT
}

main "$@"

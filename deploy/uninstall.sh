#!/usr/bin/env bash
# Takes Waiter Caller off this machine, keeps everything that cannot be made again, and says where it is.
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
    done < <(cd "$SOURCE/deploy/systemd" && find . -type f -printf '%P\n' | sort -r) # sockets and timers outlive no service
    run rm -rf "$UNITS/waitercaller.socket.d" # where --listen has put what it listens to
    run systemctl daemon-reload
}

remove_hosts() {
    step 'The virtual hosts'
    run a2dissite -q 000-waitercaller
    run a2disconf -q waitercaller-mpm
    run rm -f /etc/apache2/sites-available/000-waitercaller.conf /etc/apache2/conf-available/waitercaller-mpm.conf
    run systemctl restart apache2
}

remove_code() {
    step 'The code'
    run rm -rf "$HOME_DIR" "$COMMAND" /var/lib/waitercaller
}

main() {
    case ${1:-} in
        '') ;;
        --dry-run) DRY_RUN=1 ;;
        *) fail 'uninstall.sh [--dry-run]' ;;
    esac
    must_be_root
    remove_units
    remove_hosts
    remove_code
    step 'Kept'
    cat <<KEPT
   the database         where MONGODB_URI in $SETTINGS says
   the settings         $SETTINGS, with the SECRET_KEY that links and cookies are signed with
   the backups          $BACKUPS
   the certificate      /etc/letsencrypt; \`certbot delete\` ends its renewal
   packages, and the user waitercaller, to whom the backups belong
deploy/install.sh brings all of it back into use.
KEPT
}

main "$@"

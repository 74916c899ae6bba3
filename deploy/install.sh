#!/usr/bin/env bash
# Installs Waiter Caller on a fresh Debian 12 or Ubuntu 24.04 that has a domain name.
# Idempotent: a second run changes only what differs.
set -euo pipefail
SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$SOURCE/deploy/lib.sh"
# shellcheck source-path=SCRIPTDIR source=install-mongodb.sh
. "$SOURCE/deploy/install-mongodb.sh"

PACKAGES=(ca-certificates curl openssl python3 python3-venv)
WEB_PACKAGES=(apache2 certbot) # not with --listen: another web server may have port 80
WEBROOT=/var/lib/waitercaller/acme
SITE=/etc/apache2/sites-available/000-waitercaller.conf
BALANCER=/etc/waitercaller/balancer.conf # if it exists, this machine is a load balancer
MPM=/etc/apache2/conf-available/waitercaller-mpm.conf

usage() {
    cat <<'USAGE'
sudo deploy/install.sh DOMAIN EMAIL [options]

  DOMAIN   the name visitors open; its A (and AAAA) record must point to this machine already
  EMAIL    yours: Let's Encrypt and this machine write to it when something fails

  --mongodb-uri-file FILE    holds the URI of a database elsewhere, with the database's name:
                             mongodb://…/waitercaller?… (without it, MongoDB is installed here)
  --mongodb-uri URI          the same, for one without a password
  --backup-mongodb-uri-file FILE  holds the URI of its user for backups, without a database's name (deploy/mongodb);
                             kept where only the nightly backup can read it
  --mail-server HOST         how mails go out; needed once, then kept
  --mail-port PORT           587
  --mail-security WORD       starttls (which it is without), tls or none
  --mail-username NAME
  --mail-password-file FILE  a file, because what is on a command line can be read by everybody here
  --mail-sender ADDRESS      Waiter Caller <hello@DOMAIN>
  --registration WORD        open (which it is without), invitation or first: who may register a restaurant
  --listen ADDRESS:PORT      a web machine behind a balancer, or behind a proxy of your own: gunicorn listens at this IPv4
                             address, without Apache and certificate
  --trusted-proxies LIST     addresses and networks of your own proxies or CDN, by commas; with --listen nobody else is
                             believed (docs/proxies.md)
  --acme-server URL          another directory than Let's Encrypt's, for trying
  --dry-run                  print every step, change nothing
USAGE
}

# --- arguments ------------------------------------------------------------------------------------------------

read_arguments() {
    declare -gA GIVEN=() # settings named on the command line
    ACME_SERVER='' LISTEN='' DOMAIN='' EMAIL='' BACKUP_URI=''
    local words=()
    while (($#)); do
        case $1 in
            --dry-run) DRY_RUN=1 ;;
            --help | -h) usage && exit ;;
            --acme-server) ACME_SERVER=${2:?} && shift ;;
            --listen) LISTEN=${2:?} && shift ;;
            --mongodb-uri)
                [[ ! ${2:?} =~ ^[^/]*//[^/@]*:[^/@]*@ ]] ||
                    fail 'a password on a command line can be read by everybody here: --mongodb-uri-file takes the URI from a file.'
                GIVEN[MONGODB_URI]=$2
                shift
                ;;
            --mongodb-uri-file)
                GIVEN[MONGODB_URI]=$(cat "${2:?}")
                shift
                ;;
            --backup-mongodb-uri-file)
                BACKUP_URI=$(cat "${2:?}")
                [[ $BACKUP_URI ]] || fail "$2 is empty."
                shift
                ;;
            --mail-password-file)
                GIVEN[MAIL_PASSWORD]=$(cat "${2:?}")
                shift
                ;;
            --mail-server | --mail-port | --mail-security | --mail-username | --mail-sender | \
                --registration | --trusted-proxies)
                local name=${1#--}
                name=${name//-/_}
                GIVEN[${name^^}]=${2:?}
                shift
                ;;
            -*) fail "there is no option $1; --help shows those there are." ;;
            *) words+=("$1") ;;
        esac
        shift
    done
    ((${#words[@]} == 2)) || { usage >&2 && exit 2; }
    DOMAIN=${words[0],,} EMAIL=${words[1]}
}

# check_arguments: fail before anything is changed.
check_arguments() {
    local name
    [[ $DOMAIN =~ ^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*$ ]] || fail "$DOMAIN is no domain name."
    [[ $EMAIL =~ ^[^[:space:]@\']+@[^[:space:]@\']+$ ]] || fail "$EMAIL is no e-mail address."
    # Werkzeug does not support IPv6 addresses in TRUSTED_HOSTS, so /readyz would never answer.
    [[ -z $LISTEN || $LISTEN =~ ^([0-9]{1,3}\.){3}[0-9]{1,3}:[0-9]{1,5}$ ]] ||
        fail "--listen takes an IPv4 address of this machine and a port, such as 10.0.0.11:8000, and not $LISTEN."
    [[ ${GIVEN[REGISTRATION]:-open} =~ ^(open|invitation|first)$ ]] || fail '--registration is open, invitation or first.'
    [[ ${GIVEN[TRUSTED_PROXIES]:-} =~ ^[0-9a-fA-F.:/,\ ]*$ ]] ||
        fail '--trusted-proxies takes addresses and networks, such as 10.0.0.10,2001:db8::/32.'
    for name in "${!GIVEN[@]}"; do
        [[ ${GIVEN[$name]} ]] || fail "$name is empty."
        must_fit "$name" "${GIVEN[$name]}"
    done
    must_fit BACKUP_MONGODB_URI "$BACKUP_URI"
}

check_machine() {
    step 'Looking at this machine'
    must_be_root
    # shellcheck source=/dev/null
    case $(. /etc/os-release && echo "$ID $VERSION_ID") in
        'debian 12' | 'ubuntu 24.04') say 'Debian 12 or Ubuntu 24.04' ;;
        *) say 'This is neither Debian 12 nor Ubuntu 24.04: it may work, but nobody has tried.' ;;
    esac
    local served
    served=$(setting PUBLIC_URL)
    served=${served#https://}
    [[ ! -L $HOME_DIR/current || ${served:-$DOMAIN} == "$DOMAIN" ]] || fail "this machine serves $served. To move it to $DOMAIN:
  deploy/uninstall.sh                        keeps the data and the settings
  certbot delete --cert-name $served
  deploy/install.sh $DOMAIN $EMAIL
Nothing was changed."
    getent ahosts "$DOMAIN" >/dev/null ||
        say "$DOMAIN has no address yet: without its A record there will be no certificate."
    has_database || check_mongodb "$(. /etc/os-release && echo "$ID")" "$(dpkg --print-architecture)" "${CPUINFO:-/proc/cpuinfo}"
}

# --- packages and the database --------------------------------------------------------------------------------

install_packages() {
    step "Packages: $*"
    local package missing=()
    for package; do
        dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing+=("$package")
    done
    ((${#missing[@]})) || { say 'all there' && return; }
    run apt-get -qq update
    run env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}"
}

# has_database: whether a database elsewhere is given, or one was set up before.
has_database() { [[ ${GIVEN[MONGODB_URI]:-$(setting MONGODB_URI)} ]]; }

install_database() {
    if has_database; then
        step 'Database: elsewhere, or here already'
        say 'as the settings say; nothing is installed'
        return
    fi
    step 'Database: MongoDB on this machine'
    install_mongodb
}

# --- the application ------------------------------------------------------------------------------------------

make_folders() {
    step 'The users waitercaller and waitercaller-backup, and folders'
    make_users
    folder "$RELEASES" 0755 root:root
    folder "$VENVS" 0755 root:root
    folder "$WEBROOT" 0755 root:root
}

bring_code() {
    step 'The application, with its own Python packages'
    bring_release "$SOURCE"
}

write_settings() {
    step "The settings, $SETTINGS"
    local settings name
    settings=$(cat "$SETTINGS" 2>/dev/null || first_settings)
    # Not in the settings, which the service can read.
    BACKUP_URI=${BACKUP_URI:-$(setting BACKUP_MONGODB_URI)}
    settings=$(sed '/^BACKUP_MONGODB_URI=/d' <<<"$settings")
    # An empty key stays empty: it switches push messages off.
    [[ $DRY_RUN ]] || grep -q '^VAPID_PRIVATE_KEY=' <<<"$settings" || GIVEN[VAPID_PRIVATE_KEY]=$(vapid_key)
    GIVEN[OPERATOR_EMAIL]=$EMAIL GIVEN[PUBLIC_URL]=https://$DOMAIN GIVEN[TRUSTED_HOSTS]=$DOMAIN${LISTEN:+,${LISTEN%:*}}
    # Whoever reaches the port could pretend to be any address, so those who may are trusted by their address, if it is known.
    [[ ! $LISTEN || ! ${GIVEN[TRUSTED_PROXIES]:-} ]] || GIVEN[PROXY_COUNT]=0
    for name in "${!GIVEN[@]}"; do
        settings=$(with_setting "$name" "${GIVEN[$name]}" <<<"$settings")
    done
    if [[ $DRY_RUN ]]; then
        say "would set ${!GIVEN[*]}; a SECRET_KEY and a VAPID_PRIVATE_KEY are made if there are none, and kept if there are"
        return
    fi
    put "$SETTINGS" 0640 root:waitercaller <<<"$settings"
    [[ -z $BACKUP_URI ]] || put "$BACKUP_SETTINGS" 0640 root:waitercaller-backup <<<"BACKUP_MONGODB_URI='$BACKUP_URI'"
    [[ $(setting MAIL_SERVER) ]] || fail "how do mails go out? Nobody could confirm an address without them.
Run this again with --mail-server (and --mail-username, --mail-password-file if it wants a login),
or write MAIL_SERVER into $SETTINGS and run it again. Everything up to here stays as it is."
}

first_settings() {
    cat <<SETTINGS
# The settings of Waiter Caller; .env.example in the source describes each. Values in 'single quotes' only.
# After a change: systemctl restart waitercaller
SECRET_KEY='$(python3 -c 'import secrets; print(secrets.token_urlsafe(48))')'
PROXY_COUNT='1'
LOG_FORMAT='json'
MAIL_SERVER=''
MAIL_PORT='587'
MAIL_SECURITY='starttls'
MAIL_SENDER='Waiter Caller <hello@$DOMAIN>'
SETTINGS
}

# vapid_key: the private key that signs push messages; subscriptions are bound to its public key, so it is made once.
vapid_key() {
    (cd "$RELEASE" && PYTHONDONTWRITEBYTECODE=1 .venv/bin/python -c \
        'from waitercaller.push.encryption import new_private_key; print(new_private_key())')
}

build_database() {
    step 'Collections, indexes and validators'
    put "$COMMAND" 0755 root:root <"$SOURCE/deploy/waitercaller"
    run env WAITERCALLER_RELEASE="$RELEASE" "$COMMAND" build-database
}

start_service() {
    step 'The service: gunicorn under systemd, on a socket that systemd holds'
    [[ -e $HOME_DIR/current ]] || link "$RELEASE" "$HOME_DIR/current"
    if [[ ! $DRY_RUN && $(readlink "$HOME_DIR/current") != "$RELEASE" ]]; then
        say "$(readlink "$HOME_DIR/current") is running: this is an upgrade"
        switch_to "$RELEASE"
    fi
    [[ -z $LISTEN ]] || listen_there
    install_units
    if is_pending socket; then
        run systemctl stop waitercaller.service waitercaller.socket # an active socket cannot be changed
        run systemctl start waitercaller.socket
        clear_pending socket
    fi
    enable waitercaller.socket --now
    enable waitercaller.service
    if is_pending service || ! systemctl is-active --quiet waitercaller.service; then
        restart_service
        serves || fail "it does not get ready. What it says:
  journalctl -u waitercaller --no-pager -n 50
  curl --unix-socket $SOCKET http://$DOMAIN/readyz"
    fi
}

# listen_there: also listen on the address given by --listen, for the load balancer.
listen_there() {
    put "$UNITS/waitercaller.socket.d/listen.conf" 0644 root:root <<LISTEN
[Socket]
ListenStream=$LISTEN
LISTEN
}

# --- the web server -------------------------------------------------------------------------------------------

start_apache() {
    step 'Apache'
    local module modules wanted=()
    read -ra modules < <(grep -v '^#' "$SOURCE/deploy/apache/modules")
    for module in "${modules[@]}"; do
        [[ -e /etc/apache2/mods-enabled/$module.load ]] || wanted+=("$module")
    done
    if ((${#wanted[@]})); then
        mark_pending apache
        run a2enmod -q "${wanted[@]}"
    fi
    put "$MPM" 0644 root:root <<<"Include $HOME_DIR/current/deploy/apache/mpm.conf"
    put "$SITE" 0644 root:root < <(site)
    [[ -e /etc/apache2/conf-enabled/waitercaller-mpm.conf ]] || run a2enconf -q waitercaller-mpm
    [[ -e /etc/apache2/sites-enabled/000-waitercaller.conf ]] || run a2ensite -q 000-waitercaller
    [[ ! -e /etc/apache2/sites-enabled/000-default.conf ]] || run a2dissite -q 000-default
    enable apache2.service
    if is_pending apache; then
        run apache2ctl configtest
        run systemctl restart apache2
        clear_pending apache
    fi
}

site() {
    cat <<SITE
# This machine's values; written by install.sh. The virtual hosts themselves are part of the release.
Define WC_DOMAIN $DOMAIN
Define WC_ROOT $HOME_DIR/current
Define WC_WEBROOT $WEBROOT
Define WC_CERT /etc/letsencrypt/live/$DOMAIN/fullchain.pem
Define WC_KEY /etc/letsencrypt/live/$DOMAIN/privkey.pem
$(if [[ -e $BALANCER ]]; then echo "Include $BALANCER"; else echo "Define WC_SOCKET $SOCKET"; fi)
$([[ ! $(setting TRUSTED_PROXIES) ]] || echo 'Define WC_BEHIND_PROXIES')
Include $HOME_DIR/current/deploy/apache/catch-all.conf
Include $HOME_DIR/current/deploy/apache/waitercaller.conf
SITE
}

get_certificate() {
    step "The certificate for $DOMAIN"
    if [[ -e /etc/letsencrypt/live/$DOMAIN/fullchain.pem ]]; then
        say "it is here; certbot's timer renews it"
    else
        check_ipv6
        run certbot certonly --quiet --config "$HOME_DIR/current/deploy/letsencrypt/cli.ini" \
            --cert-name "$DOMAIN" -d "$DOMAIN" -m "$EMAIL" ${ACME_SERVER:+--server "$ACME_SERVER"}
    fi
}

# check_ipv6: fail if an AAAA record of DOMAIN leads to another machine: Let's Encrypt asks there first, and takes what it
# answers. Where nobody answers, it asks at the A record, too.
check_ipv6() {
    local address answer token=wc-$RANDOM$RANDOM$RANDOM
    local file=$WEBROOT/.well-known/acme-challenge/$token
    [[ $DRY_RUN ]] && say 'would ask for a file at each AAAA record' && return
    install -D -m 0644 /dev/stdin "$file" <<<"$token"
    while read -r address; do
        if ! answer=$(curl --silent --max-time 10 --noproxy '*' --resolve "$DOMAIN:80:[$address]" \
            "http://$DOMAIN/.well-known/acme-challenge/$token"); then
            say "Nobody answers at $address, which is an AAAA record of $DOMAIN: visitors with IPv6 wait for nothing."
        elif [[ $answer != "$token" ]]; then
            rm -f "$file"
            fail "$DOMAIN has an AAAA record, $address, that leads to another machine, where Let's Encrypt would ask.
Remove it where your domain is kept, or let it point to this machine; some minutes later run this again."
        fi
    done < <(getent ahostsv6 "$DOMAIN" | awk '$2 == "STREAM" && $1 !~ /^::ffff:/ { print $1 }' | sort -u)
    rm -f "$file"
}

start_timers() {
    step 'Timers: backups, the certificate, its renewal'
    local timer
    local timers=(waitercaller-backup.timer)
    [[ $LISTEN ]] || timers+=(waitercaller-certificate.timer certbot.timer)
    for timer in "${timers[@]}"; do
        enable "$timer" --now
    done
}

# --- verification ---------------------------------------------------------------------------------------------

# visit ADDRESS [OPTIONS FOR curl…]: request it by the domain's name, resolved to this machine.
visit() {
    local address=$1
    shift
    curl --silent --max-time 10 --resolve "$DOMAIN:80:127.0.0.1" --resolve "$DOMAIN:443:127.0.0.1" "$@" "$address"
}

# status ADDRESS [OPTIONS FOR curl…]: the HTTP status and the redirect's target.
status() { visit "$@" --output /dev/null --write-out '%{http_code} %{redirect_url}' || true; }

# expect WHAT WANTED FOUND
expect() {
    if [[ $3 == "$2" ]]; then
        say "good: $1"
    else
        say "BAD:  $1 (wanted \"$2\", found \"$3\")"
        FAULTS=$((FAULTS + 1))
    fi
}

# wait_while_busy PROBE…: a machine that has just started everything may still be busy, and /readyz then says 503:
# it gets READY_SECONDS. PROBE prints the HTTP status. Any other answer is for the check that follows.
# (Not curl --retry: curl 7.88 cannot retry into /dev/null.)
wait_while_busy() {
    local until=$(($(uptime_seconds) + READY_SECONDS))
    while [[ $("$@") == 503* ]] && (($(uptime_seconds) < until)); do
        sleep 0.5
    done
}

check_site() {
    step 'Is it true? A look from outside'
    if [[ $DRY_RUN ]]; then
        say 'would ask for the redirect, the certificate, the headers, /readyz, and send a mail'
        return
    fi
    local headers header site=https://$DOMAIN
    FAULTS=0
    expect 'http sends to https' "308 $site/" "$(status "http://$DOMAIN/")"
    expect 'the certificate is trusted and the home page there' '200 ' "$(status "$site/")"
    wait_while_busy status "$site/readyz"
    expect 'it is ready: the database answers and has its indexes' '{"status":"ready"}' \
        "$(visit "$site/readyz" --header 'Accept: application/json' || true)"
    expect 'another name is refused' '421 ' "$(status "$site/" --header 'Host: elsewhere.invalid')"
    expect 'the figures are not for everybody' '403 ' "$(status "$site/metrics")"
    headers=$(visit "$site/" --head || true)
    for header in strict-transport-security content-security-policy x-content-type-options referrer-policy; do
        expect "header $header" 1 "$(grep -ci "^$header: " <<<"$headers")"
    done
    expect "a mail to $EMAIL" "Mailed $EMAIL." "$("$COMMAND" notify 'Waiter Caller is installed' 2>&1 <<<"$site/ is served, and mails arrive.")"
    ((FAULTS == 0)) || fail "$FAULTS of these are not as they should be."
    printf '\nDone: %s/\n' "$site"
}

check_web_machine() {
    step 'Is it true? As the balancer asks'
    if [[ $DRY_RUN ]]; then
        say "would ask for http://$LISTEN/readyz"
        return
    fi
    wait_while_busy curl --silent --max-time 10 --noproxy '*' --output /dev/null --write-out '%{http_code}' "http://$LISTEN/readyz"
    curl --silent --show-error --fail-with-body --max-time 10 --noproxy '*' "http://$LISTEN/readyz" ||
        fail "http://$LISTEN/readyz does not answer that it is ready. Is $LISTEN an address of this machine?"
    printf '\nDone: ready at %s for the balancer.\n' "$LISTEN"
}

main() {
    read_arguments "$@"
    check_arguments
    check_machine
    alone
    undo_interrupted_switch || true # there is none to undo
    [[ $LISTEN ]] || PACKAGES+=("${WEB_PACKAGES[@]}")
    install_packages "${PACKAGES[@]}"
    make_folders
    bring_code
    install_database
    write_settings
    build_database
    start_service
    if [[ ! $LISTEN ]]; then
        start_apache
        get_certificate
    fi
    start_timers
    if [[ ! $LISTEN ]]; then
        check_site
    else
        check_web_machine
    fi
}

[[ ${BASH_SOURCE[0]} != "$0" ]] || main "$@" # tests source it

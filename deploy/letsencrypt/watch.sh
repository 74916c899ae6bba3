#!/bin/sh
# watch.sh DOMAIN [HOST:PORT]: mails the operator when the certificate that is served expires in less than 14 days, or when
# none is served. Renewal starts at two thirds of the lifetime, so by then several attempts have failed.
set -u
domain=${1:?watch.sh DOMAIN [HOST:PORT]}
place=${2:-127.0.0.1:443}
notify=${WC_NOTIFY:-/usr/local/sbin/waitercaller notify}

certificate=$(timeout 10 openssl s_client -connect "$place" -servername "$domain" </dev/null 2>/dev/null | openssl x509 2>/dev/null)
if [ -z "$certificate" ]; then
    found="Nobody answered at $place with a certificate for $domain."
elif ! printf '%s\n' "$certificate" | openssl x509 -noout -checkend $((14 * 24 * 3600)) >/dev/null; then
    found="The certificate of $domain ends on $(printf '%s\n' "$certificate" | openssl x509 -noout -enddate | cut -d= -f2)."
else
    exit 0
fi
printf '%s\nWhat certbot says about it: certbot renew --dry-run; its log: /var/log/letsencrypt/letsencrypt.log\n' "$found" |
    $notify "The certificate of $domain needs you"

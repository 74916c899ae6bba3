#!/bin/sh
# certbot's deploy hook: reloads Apache gracefully, and schedules the renewal for when a third of the lifetime is left.
# Failures are mailed to the operator; the old certificate then stays in use.
set -u
lineage=${RENEWED_LINEAGE:?certbot names the certificate\'s folder}
apachectl=${WC_APACHECTL:-apache2ctl}
notify=${WC_NOTIFY:-/usr/local/sbin/waitercaller notify}

certificate() { openssl x509 -in "$lineage/fullchain.pem" -noout "$@"; }

# Apache's configuration test does not check that certificate and key match, and a reload with a mismatch ends Apache.
pair_fits() {
    [ "$(certificate -pubkey)" = "$(openssl pkey -in "$lineage/privkey.pem" -pubout)" ] ||
        { echo "The certificate and the key in $lineage do not belong together." && return 1; }
}

# certbot's default, 30 days before expiry, is too early for the lifetimes of 64 days and less that begin in 2027.
renew_at_two_thirds() {
    settings=${lineage%/live/*}/renewal/${lineage##*/}.conf
    begin=$(date -d "$(certificate -startdate | cut -d= -f2)" +%s)
    end=$(date -d "$(certificate -enddate | cut -d= -f2)" +%s)
    hours=$(((end - begin) / 3 / 3600))
    sed -i '/^#* *renew_before_expiry/d' "$settings" && sed -i "1i renew_before_expiry = $hours hours" "$settings"
}

work() { pair_fits && "$apachectl" configtest && "$apachectl" graceful && renew_at_two_thirds; }

said=$(work 2>&1) && exit 0
{
    echo "There is a new certificate in $lineage, but Apache was not brought to use it. The old one is served until it ends."
    echo "$said"
    echo "When that is put right: RENEWED_LINEAGE=$lineage $0"
} | tee /dev/stderr | $notify "The new certificate is not in use"
exit 1

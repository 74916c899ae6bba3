#!/bin/sh
# certbot runs this for each new certificate: Apache takes it up without losing a request, and the next one is asked for
# when a third of its lifetime is left. What goes wrong is mailed to the operator; the old certificate then stays in use.
set -u
lineage=${RENEWED_LINEAGE:?certbot names the certificate\'s folder}
apachectl=${WC_APACHECTL:-apache2ctl}
notify=${WC_NOTIFY:-/usr/local/sbin/waitercaller notify}

certificate() { openssl x509 -in "$lineage/fullchain.pem" -noout "$@"; }

# Apache does not try the pair in its test of the configuration, and does not survive a reload with one that is wrong.
pair_fits() {
    [ "$(certificate -pubkey)" = "$(openssl pkey -in "$lineage/privkey.pem" -pubout)" ] ||
        { echo "The certificate and the key in $lineage do not belong together." && return 1; }
}

# certbot's own rule, 30 days before the end, is too early for lifetimes of 64 days and less, which begin in 2027.
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

# shellcheck shell=bash disable=SC2034 # install.sh reads the variables set here
# Installs MongoDB on this machine, by its vendor's instructions: https://www.mongodb.com/docs/manual/administration/install-on-linux/
# Sourced by install.sh; the only step that its tests cannot run. Sets GIVEN[MONGODB_URI] and BACKUP_URI.

MONGODB=8.0
PASSWORDS=/etc/waitercaller/mongodb-passwords # of the administrator (admin) and our three users; readable by root only

# check_mongodb SYSTEM ARCHITECTURE CPUINFO: fail before anything is installed if MongoDB cannot run here; see "platform
# support" in the vendor's production notes.
check_mongodb() {
    local instead='Nothing was changed. Have the database on another machine, and name it with --mongodb-uri-file.'
    case $2 in
        amd64)
            grep -qw avx "$3" || fail "MongoDB needs a processor with AVX, and this machine's (or virtual machine's) has none. $instead"
            ;;
        arm64)
            [[ $1 == ubuntu ]] || fail "MongoDB has packages of arm64 for Ubuntu, not for Debian. $instead"
            # dcpop ("data cache clean to the point of persistence") tells ARMv8.2 from ARMv8.0 (such as a Raspberry Pi 4).
            grep -qw dcpop "$3" || fail "MongoDB needs ARMv8.2-A or newer, and this machine's processor is older. $instead"
            ;;
        *) fail "MongoDB has no packages for $2. $instead" ;;
    esac
}

install_mongodb() {
    local key=/usr/share/keyrings/mongodb-server-$MONGODB.gpg list=/etc/apt/sources.list.d/mongodb-org-$MONGODB.list
    say 'This step is not tried by the tests of Waiter Caller; look at what it says.'
    install_packages gnupg logrotate
    if ! command -v mongod >/dev/null; then
        # Moved into place when complete: the next run must not take a partial download for the key.
        [[ -e $key ]] || run bash -o pipefail -c "curl -fsSL https://www.mongodb.org/static/pgp/server-$MONGODB.asc |
            gpg --dearmor >$key.new && mv $key.new $key"
        put "$list" 0644 root:root < <(mongodb_source "$key")
        run apt-get -qq update
        run env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y mongodb-org
    fi
    # The key by which the members of a replica set authenticate each other; required with a single member, too.
    [[ -e /etc/mongod.key ]] || put /etc/mongod.key 0400 mongodb:mongodb < <(openssl rand -base64 756)
    put /etc/mongod.conf 0644 root:root < <(mongodb_settings /proc/meminfo)
    put "$UNITS/mongod.service.d/restart.conf" 0644 root:root <"$SOURCE/deploy/mongodb/restart.conf"
    put /etc/logrotate.d/mongod 0644 root:root <"$SOURCE/deploy/mongodb/logrotate"
    run systemctl daemon-reload
    run systemctl enable --quiet mongod
    run systemctl restart mongod
    [[ $DRY_RUN ]] || wait_for_port
    create_users
}

mongodb_source() {
    # shellcheck source=/dev/null
    case $(. /etc/os-release && echo "$ID") in
        ubuntu) echo "deb [ arch=amd64,arm64 signed-by=$1 ] https://repo.mongodb.org/apt/ubuntu noble/mongodb-org/$MONGODB multiverse" ;;
        *) echo "deb [ signed-by=$1 ] https://repo.mongodb.org/apt/debian bookworm/mongodb-org/$MONGODB main" ;;
    esac
}

# mongodb_settings MEMINFO: print mongod.conf; mongodb/mongod.conf explains each setting.
mongodb_settings() {
    cat <<SETTINGS
# Written by Waiter Caller's install.sh: a single node that listens on loopback only.
storage: {dbPath: /var/lib/mongodb, wiredTiger: {engineConfig: {cacheSizeGB: $(cache_gigabytes "$1")}}}
systemLog: {destination: file, path: /var/log/mongodb/mongod.log, logAppend: true, logRotate: reopen}
net: {bindIp: 127.0.0.1, port: 27017}
replication: {replSetName: rs0, oplogSizeMB: 2048}
security: {authorization: enabled, keyFile: /etc/mongod.key}
setParameter: {minSnapshotHistoryWindowInSeconds: 3600}
SETTINGS
}

# cache_gigabytes MEMINFO: a quarter of the memory, shared with gunicorn and Apache; mongod's minimum is 0.25.
cache_gigabytes() {
    LC_ALL=C awk '/^MemTotal:/ { gb = $2 / 1048576 / 4; printf "%.2f", gb < 0.25 ? 0.25 : gb }' "$1"
}

# wait_for_port: mongod listens only some time after its start.
wait_for_port() {
    local until=$(($(uptime_seconds) + 60))
    until (: <>/dev/tcp/127.0.0.1/27017) 2>/dev/null; do
        (($(uptime_seconds) < until)) || fail 'mongod does not listen: journalctl -u mongod'
        sleep 0.2
    done
}

# password NAME: read from the file, since an interrupted run may have created the user with it.
password() { sed -n "s/^$1 //p" "$PASSWORDS"; }

# create_users: while there are no users, MongoDB's localhost exception lets us create the first; mongodb/users.js creates
# the others. Idempotent, also after an interrupted run. Passwords go through standard input, since command lines can be
# read by every local user. The URIs with all rights, for restore.sh, are in a file that only root can read.
create_users() {
    local name users=$SOURCE/deploy/mongodb/users.js at=127.0.0.1 options='replicaSet=rs0&authSource=admin'
    say "\$ mongosh: rs.initiate(), the user admin, and those of $users"
    [[ ! $DRY_RUN ]] || return 0
    [[ -e $PASSWORDS ]] || put "$PASSWORDS" 0600 root:root < <(
        for name in admin waitercaller waitercaller-backup waitercaller-restore; do echo "$name $(openssl rand -hex 24)"; done
    )
    mongosh --quiet --file /dev/stdin <<SCRIPT
const PASSWORDS = {$(sed -E 's/^(\S+) (\S+)$/"\1": "\2",/' "$PASSWORDS" | tr -d '\n')}
let there = true
try { db.getSiblingDB("admin").auth("admin", PASSWORDS.admin) } catch (e) { there = false }
if (!db.hello().setName) rs.initiate({_id: "rs0", members: [{_id: 0, host: "127.0.0.1:27017"}]})
for (let i = 0; !db.hello().isWritablePrimary; i++) {
    if (i === 300) throw new Error("mongod does not become primary: rs.status() says why.")
    sleep(200)
}
if (!there) {
    db.getSiblingDB("admin").createUser({user: "admin", pwd: PASSWORDS.admin, roles: ["root"]})
    db.getSiblingDB("admin").auth("admin", PASSWORDS.admin)
}
$(cat "$users")
admin.grantRolesToUser("admin", ["waitercaller-replay"])
SCRIPT
    GIVEN[MONGODB_URI]="mongodb://waitercaller:$(password waitercaller)@$at/waitercaller?$options"
    BACKUP_URI="mongodb://waitercaller-backup:$(password waitercaller-backup)@$at/?$options"
    put "$RESTORE_SETTINGS" 0600 root:root <<RESTORE
# Used by restore.sh, which is run by hand. These URIs give full access to the database.
RESTORE_MONGODB_URI='mongodb://waitercaller-restore:$(password waitercaller-restore)@$at/?$options'
ADMIN_MONGODB_URI='mongodb://admin:$(password admin)@$at/?$options'
RESTORE
}

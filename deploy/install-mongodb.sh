# shellcheck shell=bash disable=SC2034 # what it sets is read by install.sh
# MongoDB on this machine, by its vendor's instructions: https://www.mongodb.com/docs/manual/administration/install-on-linux/
# Sourced by install.sh, and the one step of it that its tests cannot run. It sets GIVEN[MONGODB_URI].

MONGODB=8.0
PASSWORDS=/etc/waitercaller/mongodb-passwords # of the administrator (admin) and our two users; root's

install_mongodb() {
    local key=/usr/share/keyrings/mongodb-server-$MONGODB.gpg list=/etc/apt/sources.list.d/mongodb-org-$MONGODB.list
    say 'This step is not tried by the tests of Waiter Caller; look at what it says.'
    if ! command -v mongod >/dev/null; then
        install_packages gnupg
        # Moved into place when it is whole: half a download must not be taken for the key by the next run.
        [[ -e $key ]] || run bash -o pipefail -c "curl -fsSL https://www.mongodb.org/static/pgp/server-$MONGODB.asc |
            gpg --dearmor >$key.new && mv $key.new $key"
        put "$list" 0644 root:root < <(mongodb_source "$key")
        run apt-get -qq update
        run env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y mongodb-org
    fi
    # The members of a replica set, and be it one, know each other by this key.
    [[ -e /etc/mongod.key ]] || put /etc/mongod.key 0400 mongodb:mongodb < <(openssl rand -base64 756)
    put /etc/mongod.conf 0644 root:root < <(mongodb_settings)
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

mongodb_settings() {
    cat <<'SETTINGS'
# Written by Waiter Caller's install.sh: one node that only this machine reaches.
storage: {dbPath: /var/lib/mongodb}
systemLog: {destination: file, path: /var/log/mongodb/mongod.log, logAppend: true}
net: {bindIp: 127.0.0.1, port: 27017}
replication: {replSetName: rs0}
security: {authorization: enabled, keyFile: /etc/mongod.key}
SETTINGS
}

# wait_for_port: mongod listens some time after it was started.
wait_for_port() {
    local until=$((SECONDS + 60))
    until (: <>/dev/tcp/127.0.0.1/27017) 2>/dev/null; do
        ((SECONDS < until)) || fail 'mongod does not listen: journalctl -u mongod'
        sleep 0.2
    done
}

# password NAME: as kept, for a run may end between here and the settings, and the next one must know what this one has set.
password() { sed -n "s/^$1 //p" "$PASSWORDS"; }

# create_users: as long as there is none, MongoDB lets this machine make the first; mongodb/users.js makes ours, with the
# passwords put in where it would ask. They go through standard input, for a command line can be read by everybody.
# After a run that ended in between it begins again: with the administrator that there is, and our users made anew.
create_users() {
    local name admin password backup users=$SOURCE/deploy/mongodb/users.js at=127.0.0.1 options='replicaSet=rs0&authSource=admin'
    say "\$ mongosh: rs.initiate(), the user admin, and those of $users"
    [[ ! $DRY_RUN ]] || return 0
    [[ -e $PASSWORDS ]] || put "$PASSWORDS" 0600 root:root < <(
        for name in admin waitercaller waitercaller-backup; do echo "$name $(openssl rand -hex 24)"; done
    )
    admin=$(password admin) password=$(password waitercaller) backup=$(password waitercaller-backup)
    mongosh --quiet --file /dev/stdin <<SCRIPT
let there = true
try { db.getSiblingDB("admin").auth("admin", "$admin") } catch (e) { there = false }
try { rs.status() } catch (e) { rs.initiate({_id: "rs0", members: [{_id: 0, host: "127.0.0.1:27017"}]}) }
while (!db.hello().isWritablePrimary) sleep(200)
if (!there) {
    db.getSiblingDB("admin").createUser({user: "admin", pwd: "$admin", roles: ["root"]})
    db.getSiblingDB("admin").auth("admin", "$admin")
}
for (const name of ["waitercaller", "waitercaller-backup"])
    if (db.getSiblingDB("admin").getUser(name)) db.getSiblingDB("admin").dropUser(name)
if (db.getSiblingDB("admin").getRole("waitercaller")) db.getSiblingDB("admin").dropRole("waitercaller")
$(sed -e "0,/passwordPrompt()/s//\"$password\"/" -e "s/passwordPrompt()/\"$backup\"/" "$users")
SCRIPT
    GIVEN[MONGODB_URI]="mongodb://waitercaller:$password@$at/waitercaller?$options"
    GIVEN[BACKUP_MONGODB_URI]="mongodb://waitercaller-backup:$backup@$at/?$options"
}

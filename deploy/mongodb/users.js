// Creates the database users of Waiter Caller, each with the least rights it needs. Run it as an administrator; with the
// names of all members mongosh connects to the primary, which users are created on:
//
//   mongosh 'mongodb://admin@db1.example.org,db2.example.org,db3.example.org/?replicaSet=rs0&tls=true&tlsCAFile=/etc/mongodb/authority.pem' \
//       --file users.js
//
// It asks for the passwords of the users that it creates; all authenticate with authSource=admin. Idempotent: rights are set
// as below, and existing users keep their passwords (db.changeUserPassword changes one). install-mongodb.sh defines PASSWORDS
// before this script instead.

const admin = db.getSiblingDB("admin")
const given = typeof PASSWORDS === "undefined" ? {} : PASSWORDS

if (!db.hello().isWritablePrimary)
    throw new Error(`Users are made on the primary, ${db.hello().primary ?? "and there is none: see rs.status()"}.`)

function role(name, roles, privileges) {
    if (admin.getRole(name)) admin.updateRole(name, {roles, privileges})
    else admin.createRole({role: name, roles, privileges})
}

function user(name, roles, variable) {
    const known = admin.getUser(name)
    const values = {roles}
    if (given[name]) values.pwd = given[name]
    else if (!known) {
        print(`The password of ${name}, for ${variable}:`)
        values.pwd = passwordPrompt()
    }
    if (known) admin.updateUser(name, values)
    else admin.createUser({user: name, ...values})
}

// The application reads, writes, creates collections and indexes (readWrite), sets validators (collMod) and opens change
// streams. Restores are tested in waitercaller_restored, which nothing else uses and which is dropped afterwards.
role(
    "waitercaller",
    [
        {role: "readWrite", db: "waitercaller"},
        {role: "readWrite", db: "waitercaller_restored"},
    ],
    [
        {resource: {db: "waitercaller", collection: ""}, actions: ["collMod", "bypassDocumentValidation"]},
        {resource: {db: "waitercaller_restored", collection: ""}, actions: ["bypassDocumentValidation", "dropDatabase"]},
    ],
)
user("waitercaller", ["waitercaller"], "MONGODB_URI in /etc/waitercaller/env")

// mongodump --oplog reads everything and changes nothing. Only the nightly backup's system user can read its URI.
user("waitercaller-backup", ["backup"], "BACKUP_MONGODB_URI in /etc/waitercaller/backup.env")

// mongorestore, run by hand. The role `restore` can write users and so gain every right: its URI is readable by root only.
user("waitercaller-restore", ["restore"], "RESTORE_MONGODB_URI in /etc/waitercaller/restore.env")

// restore.sh --whole-server also needs this: mongorestore --oplogReplay requires all rights. It is granted to nobody here;
// grant it to the restoring administrator before the backups are made, since backups contain the users' roles:
//   db.getSiblingDB("admin").grantRolesToUser("admin", ["waitercaller-replay"])
role("waitercaller-replay", [], [{resource: {anyResource: true}, actions: ["anyAction"]}])

// The users of Waiter Caller's database, each with no more rights than it needs. As an administrator of MongoDB; the
// names of all members lead to the primary, where users are made:
//
//   mongosh 'mongodb://admin@db1.example.org,db2.example.org,db3.example.org/?replicaSet=rs0&tls=true&tlsCAFile=/etc/mongodb/authority.pem' \
//       --file users.js
//
// It asks for the passwords of the users that it makes; all authenticate with authSource=admin. It may be run again:
// rights are then set as they stand here, and users that exist keep their passwords (db.changeUserPassword changes one).
// install-mongodb.sh puts PASSWORDS before it instead.

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

// The application reads, writes, makes its collections, indexes (readWrite) and validators (collMod), and hears changes.
// A restore is tried in waitercaller_restored, which nothing else uses and which is dropped afterwards.
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

// mongodump --oplog reads everything there is, and changes nothing. Only the nightly backup's user can read its URI.
user("waitercaller-backup", ["backup"], "BACKUP_MONGODB_URI in /etc/waitercaller/backup.env")

// mongorestore, by hand. Whoever has the role `restore` can write users, and so become anybody: root's file, or none.
user("waitercaller-restore", ["restore"], "RESTORE_MONGODB_URI in /etc/waitercaller/restore.env")

// What restore.sh --whole-server needs besides: mongorestore --oplogReplay asks for every right there is. Nobody has it
// by this; the administrator who is to restore gets it before the backups that are to be restored, for they hold who has it:
//   db.getSiblingDB("admin").grantRolesToUser("admin", ["waitercaller-replay"])
role("waitercaller-replay", [], [{resource: {anyResource: true}, actions: ["anyAction"]}])

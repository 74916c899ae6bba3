// The users of Waiter Caller's database, with no more rights than they need. As the administrator of MongoDB:
//
//   mongosh --tls --tlsCAFile /etc/mongodb/authority.pem --host db1.example.org -u admin --file users.js
//
// It asks for their passwords. MONGODB_URI then says authSource=admin.

const admin = db.getSiblingDB("admin")

// The application reads, writes, makes its collections, indexes (readWrite) and validators (collMod), and hears changes.
// A restore is tried in waitercaller_restored, which nothing else uses.
admin.createRole({
    role: "waitercaller",
    roles: [
        {role: "readWrite", db: "waitercaller"},
        {role: "readWrite", db: "waitercaller_restored"},
    ],
    privileges: [
        {resource: {db: "waitercaller", collection: ""}, actions: ["collMod", "bypassDocumentValidation"]},
        {
            resource: {db: "waitercaller_restored", collection: ""},
            actions: ["bypassDocumentValidation", "dropDatabase"],
        },
    ],
})
print("The password of waitercaller, for MONGODB_URI:")
admin.createUser({user: "waitercaller", pwd: passwordPrompt(), roles: ["waitercaller"]})

// mongodump --oplog reads everything there is: another user, for BACKUP_MONGODB_URI only.
print("The password of waitercaller-backup, for BACKUP_MONGODB_URI:")
admin.createUser({
    user: "waitercaller-backup",
    pwd: passwordPrompt(),
    roles: [
        "backup",
        "restore",
        {role: "readWrite", db: "waitercaller"},
        {role: "dbAdmin", db: "waitercaller"},
        {role: "readWrite", db: "waitercaller_restored"},
        {role: "dbAdmin", db: "waitercaller_restored"},
    ],
})

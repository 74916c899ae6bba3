// Runs the script on standard input as mongosh would, on users and roles that are only kept here, as often as the first
// argument says; prints them, and whose passwords were asked for.
import { readFileSync } from "node:fs"
import vm from "node:vm"

const [times, primary] = [Number(process.argv[2]), process.argv[3] !== "secondary"]
const script = readFileSync(0, "utf8")
const users = {}
const roles = {}
const asked = []
let prompt = ""

const admin = {
    getUser: (name) => users[name] ?? null,
    getRole: (name) => roles[name] ?? null,
    createUser({ user, ...values }) {
        if (users[user]) throw new Error(`User "${user}@admin" already exists`)
        if (!values.pwd) throw new Error("User passwords must not be empty")
        users[user] = values
    },
    createRole({ role, ...values }) {
        if (roles[role]) throw new Error(`Role "${role}@admin" already exists`)
        roles[role] = values
    },
    updateUser: (name, values) => Object.assign(users[name], values),
    updateRole: (name, values) => Object.assign(roles[name], values),
}
const shell = {
    db: {
        getSiblingDB: () => admin,
        hello: () => ({ isWritablePrimary: primary, primary: "db2.example.org:27017" }),
    },
    print: (words) => (prompt = words),
    passwordPrompt() {
        asked.push(prompt)
        return `typed ${asked.length}`
    },
}
for (let time = 0; time < times; time++) vm.runInNewContext(script, { ...shell })
console.log(JSON.stringify({ users, roles, asked }))

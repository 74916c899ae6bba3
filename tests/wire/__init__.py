"""A strict proxy on MongoDB's wire protocol, in front of the embedded server.

No test here can run a real mongod. The embedded server lets pass some of what mongod refuses and has no other members;
this proxy refuses those commands (`rights`, `rules`, `ddl`, `sharding`), answers repeated writes as mongod does
(`retries`) and injects what only a replica set does (`faults`). `inventory` holds every shape of command that the
application sends against a reviewed list. What is refused, and why, names the page of MongoDB's manual or source.
"""

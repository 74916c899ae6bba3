# shellcheck shell=bash
# The one step of install.sh that its tests cannot run: MongoDB on this machine, by its vendor's instructions
# (https://www.mongodb.com/docs/manual/administration/install-on-linux/). Sourced by install.sh; sets GIVEN[MONGODB_URI].

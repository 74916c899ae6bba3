#!/usr/bin/env bash
# Upgrades to the version of this checkout without a failed request; rolls back when it does not become ready.
set -euo pipefail
SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$SOURCE/deploy/lib.sh"

KEEP_RELEASES=4

usage() {
    cat <<'USAGE'
sudo deploy/upgrade.sh [--dry-run]              to the version of this checkout
sudo deploy/upgrade.sh --rollback [--dry-run]   to the version that ran before
USAGE
}

main() {
    local rollback='' interrupted=''
    for word; do
        case $word in
            --dry-run) DRY_RUN=1 ;;
            --rollback) rollback=1 ;;
            --help | -h) usage && exit ;;
            *) usage >&2 && exit 2 ;;
        esac
    done
    must_be_root
    alone
    [[ -e $HOME_DIR/current ]] || fail "nothing is installed in $HOME_DIR; begin with deploy/install.sh."
    [[ ! -e $SWITCHING ]] || read -r _ interrupted <"$SWITCHING"
    if undo_interrupted_switch && [[ $rollback && $interrupted == upgrade ]]; then return; fi # already rolled back
    if [[ $rollback ]]; then
        [[ -e $HOME_DIR/previous ]] || fail 'there is no version to go back to.'
        RELEASE=$(readlink "$HOME_DIR/previous")
    else
        make_users # the new version may need another user
        step 'The new version, with its own Python packages'
        bring_release "$SOURCE"
    fi
    if [[ $(readlink "$HOME_DIR/current") == "$RELEASE" ]]; then
        say "$RELEASE runs already"
        return
    fi
    switch_to "$RELEASE" ${rollback:+rollback}
    prune "$KEEP_RELEASES"
}

main "$@"

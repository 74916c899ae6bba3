#!/usr/bin/env bash
# From the version that runs to the one of this checkout, without a failed request; back when it does not get ready.
set -euo pipefail
SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$SOURCE/deploy/lib.sh"

KEEP=4 # releases

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
    [[ -e $HOME_DIR/current ]] || fail "nothing is installed in $HOME_DIR; begin with deploy/install.sh."
    [[ ! -e $SWITCHING ]] || read -r _ interrupted <"$SWITCHING"
    if undo_interrupted_switch && [[ $rollback && $interrupted == upgrade ]]; then return; fi # that was the way back
    if [[ $rollback ]]; then
        [[ -e $HOME_DIR/previous ]] || fail 'there is no version to go back to.'
        RELEASE=$(readlink "$HOME_DIR/previous")
    else
        make_users # the new version may need one more
        step 'The new version, with its own Python packages'
        bring_release "$SOURCE"
    fi
    if [[ $(readlink "$HOME_DIR/current") == "$RELEASE" ]]; then
        say "$RELEASE runs already"
        return
    fi
    switch_to "$RELEASE" ${rollback:+rollback}
    prune "$KEEP"
}

main "$@"

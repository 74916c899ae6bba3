#!/usr/bin/env bash
# Upgrades to the version of this checkout, or of a release's tarball, without a failed request; rolls back when it does not
# become ready.
set -euo pipefail
SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$SOURCE/deploy/lib.sh"

KEEP_RELEASES=4

usage() {
    cat <<'USAGE'
sudo deploy/upgrade.sh [--dry-run]              to the version of this checkout
sudo deploy/upgrade.sh TARBALL [--dry-run]      to that of a release's waitercaller-X.Y.Z.tar.gz, which has to be as the
                                                SHA256SUMS beside it says
sudo deploy/upgrade.sh --rollback [--dry-run]   to the version that ran before
USAGE
}

# upgrade_from TARBALL: check and unpack it, and have its own upgrade.sh do the rest, as that of a newer checkout would.
upgrade_from() {
    local name sums folder result=0
    [[ -f $1 ]] || fail "there is no file $1."
    name=$(basename "$1")
    sums=$(dirname "$1")/SHA256SUMS
    [[ -e $sums ]] || fail "SHA256SUMS is missing: put that of the release beside $1."
    [[ "$(sha256sum <"$1" | cut -d ' ' -f 1)  $name" == "$(grep -F "  $name" "$sums")" ]] ||
        fail "$1 is not what SHA256SUMS says. Nothing was changed."
    folder=$(mktemp -d)
    tar -xzf "$1" -C "$folder" --no-same-owner --strip-components=1
    bash "$folder/deploy/upgrade.sh" ${DRY_RUN:+--dry-run} || result=$?
    rm -rf "$folder"
    exit "$result"
}

main() {
    local rollback='' interrupted='' tarball=''
    for word; do
        case $word in
            --dry-run) DRY_RUN=1 ;;
            --rollback) rollback=1 ;;
            --help | -h) usage && exit ;;
            -*) usage >&2 && exit 2 ;;
            *) tarball=$word ;;
        esac
    done
    [[ ! $tarball || ! $rollback ]] || { usage >&2 && exit 2; }
    must_be_root
    [[ ! $tarball ]] || upgrade_from "$tarball"
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

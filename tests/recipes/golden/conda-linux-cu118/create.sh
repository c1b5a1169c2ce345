#!/bin/sh
# A conda environment with torch 2.1.0 (cu118) for Python 3.11 on linux-x86_64.
# Usage: sh create.sh [PATH], beside environment.yml. Without PATH it is known by its name.
# What stands in single quotes is meant to the letter.
# shellcheck disable=SC1003,SC1112,SC2016,SC2088
set -eu

fail() {
    printf 'create.sh: %s\n' "$1" >&2
    exit 1
}

# Print a path so that it can be typed back in.
quoted() {
    printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"
}

# Set $target to the absolute path of a folder that is still to be filled.
take_target() {
    case $1 in
        '') fail 'the path is empty' ;;
        *'
'*) fail 'the path holds a line break' ;;
        /*) target=$1 ;;
        *) target=$PWD/$1 ;;
    esac
    if [ -e "$target" ] || [ -L "$target" ]; then
        [ -d "$target" ] || fail "$(quoted "$target") is there already and is no folder; name another path"
        [ -z "$(ls -A "$target")" ] || fail "$(quoted "$target") is there already; remove it or name another path"
    fi
}

# conda and micromamba are often shell functions, which a script does not see: these variables name the programs.
find_conda() {
    for candidate in conda mamba micromamba "${CONDA_EXE:-}" "${MAMBA_EXE:-}"; do
        if [ -n "$candidate" ] && command -v "$candidate" >/dev/null; then
            conda=$candidate
            return
        fi
    done
    fail 'no conda, mamba, micromamba on PATH; Miniforge brings conda and mamba'
}

# In a function of zsh this would be the function's name.
script=$0

# The first argument is the place where the environment goes without a second.
main() {
    folder=$(CDPATH='' cd -- "$(dirname -- "$script")" && pwd)
    file=$folder/environment.yml
    [ -f "$file" ] || fail "$(quoted "$file") is missing; both files belong together"
    place=${2-$1}
    [ -z "$place" ] || take_target "$place"
    find_conda

    case ${conda##*/} in
        micromamba*) set -- create --file "$file" ;;
        *) set -- env create --file "$file" ;;
    esac
    if [ -n "$place" ]; then
        set -- "$@" --prefix "$target"
        environment=$(quoted "$target")
    else
        environment=$(quoted lecture)
    fi
    # Left without an answer, micromamba and mamba do not overwrite an environment that is there, and do all the rest.
    MAMBA_ALWAYS_YES=false "$conda" "$@" </dev/null

    printf '\nDone. Activate it with:\n    %s activate %s\n' "${conda##*/}" "$environment"
}

main '' "$@"

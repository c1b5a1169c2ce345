#!/bin/sh
# A venv environment with torch 2.6.0 (cpu) for Python 3.11 on linux-x86_64.
# Usage: sh create.sh [PATH]
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

find_python() {
    for candidate in python3.11 python3 python; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' >/dev/null 2>&1 </dev/null; then
            python=$candidate
            return
        fi
    done
    fail 'no Python 3.11 on PATH; install it, or ask envkit for another with --python'
}

stopped() {
    [ ! -e "$target" ] || printf 'create.sh: stopped half-way; what is there so far: %s\n' "$(quoted "$target")" >&2
}

# The first argument is the place where the environment goes without a second.
main() {
    take_target "${2-$1}"
    find_python
    # What these point to belongs to another Python, to another place than the new environment, or to another build.
    unset PYTHONHOME PYTHONPATH PIP_TARGET PIP_PREFIX PIP_ROOT PIP_PYTHON UV_PYTHON UV_SYSTEM_PYTHON UV_TARGET UV_PREFIX UV_TORCH_BACKEND UV_VENV_CLEAR
    PIP_USER=0
    export PIP_USER

    trap stopped EXIT
    "$python" -I -m venv "$target"
    "$target/bin/python" -I -m pip install --no-deps --index-url https://download.pytorch.org/whl/cpu torch==2.6.0+cpu
    "$target/bin/python" -I -m pip install torch==2.6.0+cpu numpy
    trap - EXIT

    printf '\nDone. Activate it with:\n    . %s\n' "$(quoted "$target/bin/activate")"
}

main .venv "$@"

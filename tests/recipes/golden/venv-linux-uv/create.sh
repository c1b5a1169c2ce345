#!/bin/sh
# A venv environment with torch 2.5.1 (cu118) for Python 3.11 on linux-x86_64.
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

stopped() {
    [ ! -e "$target" ] || printf 'create.sh: stopped half-way; what is there so far: %s\n' "$(quoted "$target")" >&2
}

# The first argument is the place where the environment goes without a second.
main() {
    take_target "${2-$1}"
    command -v uv >/dev/null || fail 'uv is not on PATH; install it, or ask envkit for --engine pip'
    # What these point to belongs to another Python, to another place than the new environment, or to another build.
    unset PYTHONHOME PYTHONPATH PIP_TARGET PIP_PREFIX PIP_ROOT PIP_PYTHON UV_PYTHON UV_SYSTEM_PYTHON UV_TARGET UV_PREFIX UV_TORCH_BACKEND UV_VENV_CLEAR
    PIP_USER=0
    export PIP_USER

    trap stopped EXIT
    uv venv --no-project --python 3.11 "$target"
    uv pip install --python "$target/bin/python" pip
    uv pip install --python "$target/bin/python" --no-deps --index https://download.pytorch.org/whl/cu118 --default-index https://download.pytorch.org/whl/cu118 torch==2.5.1+cu118 torchaudio==2.5.1+cu118
    uv pip install --python "$target/bin/python" torch==2.5.1+cu118 torchaudio==2.5.1+cu118 numpy
    trap - EXIT

    printf '\nDone. Activate it with:\n    . %s\n' "$(quoted "$target/bin/activate")"
}

main .venv "$@"

#!/usr/bin/env fish
# A virtualenv environment with torch 2.15.0 (cpu) for Python 3.11 on win-amd64.
# Usage: fish create.fish [PATH]

function fail
    printf 'create.fish: %s\n' $argv[1] >&2
    exit 1
end

# Print a path so that it can be typed back in.
function quoted
    string escape -- $argv[1]
end

# Set $target to the absolute path of a folder that is still to be filled.
function take_target
    set -g target $argv[1]
    if test -z "$target"
        fail 'the path is empty'
    end
    if string match -qr '\n' -- $target
        fail 'the path holds a line break'
    end
    if not string match -qr '^(/|[A-Za-z]:[/\\\\]|\\\\\\\\)' -- $target
        set target $PWD/$target
    end
    if test -e "$target"; or test -L "$target"
        test -d "$target"; or fail (quoted $target)' is there already and is no folder; name another path'
        test -z "$(command ls -A $target | string collect)"; or fail (quoted $target)' is there already; remove it or name another path'
    end
end

# Run one step; when it fails, nothing more is run.
function step
    command $argv
    set -l code $status
    if test $code -ne 0
        test -e "$target"; and printf 'create.fish: stopped half-way; what is there so far: %s\n' (quoted $target) >&2
        exit $code
    end
end

function find_python
    for candidate in python3.11 python3 python
        if command -q $candidate; and command $candidate -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' >/dev/null 2>&1 </dev/null
            set -g python $candidate
            return
        end
    end
    fail 'no Python 3.11 on PATH; install it, or ask envkit for another with --python'
end

set path 'my env'
set -q argv[1]; and set path $argv[1]
take_target $path
find_python
# What these point to belongs to another Python, to another place than the new environment, or to another build.
set -e PYTHONHOME PYTHONPATH PIP_TARGET PIP_PREFIX PIP_ROOT PIP_PYTHON UV_PYTHON UV_SYSTEM_PYTHON UV_TARGET UV_PREFIX UV_TORCH_BACKEND UV_VENV_CLEAR
set -gx PIP_USER 0

if command $python -m virtualenv --version >/dev/null 2>&1
    step $python -m virtualenv --no-periodic-update $target
else if command -q virtualenv
    step virtualenv --no-periodic-update --python $python $target
else
    fail 'virtualenv is missing; install it: python3.11 -m pip install --user virtualenv'
end
step $target/Scripts/python -I -m pip install 'torch===2.15.0' 'numpy'

printf '\nDone. Activate it with:\n    source %s\n' (quoted $target/Scripts/activate.fish)

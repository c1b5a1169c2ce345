#!/usr/bin/env fish
# A conda environment with torch 2.1.0 (cu118) for Python 3.11 on linux-x86_64.
# Usage: fish create.fish [PATH], beside environment.yml. Without PATH it is known by its name.

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
    if not string match -qr '^/' -- $target
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

# conda and micromamba are often functions of the shell, which a script does not see: these variables name the programs.
function find_conda
    for candidate in conda mamba micromamba $CONDA_EXE $MAMBA_EXE
        if command -q $candidate
            set -g conda $candidate
            return
        end
    end
    fail 'no conda, mamba, micromamba on PATH; Miniforge brings conda and mamba'
end

set file (builtin realpath (status dirname | string collect) | string collect)/environment.yml
test -f "$file"; or fail (quoted $file)' is missing; both files belong together'
set path ''
set -q argv[1]; and set path $argv[1]
set environment 'lecture'
set place
if set -q argv[1]; or test -n "$path"
    take_target $path
    set environment $target
    set place --prefix $target
end
find_conda

set tool (string replace -r '.*/' '' -- $conda)
set make env create
string match -q 'micromamba*' -- $tool; and set make create
# Left without an answer, micromamba and mamba do not overwrite an environment that is there, and do all the rest.
set -gx MAMBA_ALWAYS_YES false
step $conda $make --file $file $place </dev/null

printf '\nDone. Activate it with:\n    %s activate %s\n' $tool (quoted $environment)

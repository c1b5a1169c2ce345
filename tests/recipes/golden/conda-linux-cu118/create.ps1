# A conda environment with torch 2.1.0 (cu118) for Python 3.11 on linux-x86_64.
# Usage: powershell -ExecutionPolicy Bypass -File create.ps1 [PATH], beside environment.yml.
# Without PATH it is known by its name.
param([string] $Path = '')

Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'

function Find-Program([string] $Name) {
    $found = @(Get-Command -Name $Name -CommandType Application -ErrorAction SilentlyContinue)
    if ($found.Count -gt 0) { return $found[0].Source }
}

function Invoke-Checked([string] $Program, [string[]] $Arguments, $Answer = $null) {
    # A batch file's arguments pass through cmd, which would run what stands behind an "&".
    if ($Program -match '\.(bat|cmd)$' -and "$Arguments" -match '[%"!^&|<>]') {
        throw "$Program is a batch file, and cmd would misread: $Arguments"
    }
    if ($null -eq $Answer) { & $Program @Arguments } else { $Answer | & $Program @Arguments }
    if ($LASTEXITCODE -ne 0) { throw "$Program stopped with exit code $LASTEXITCODE" }
}

function Test-Runs([string] $Program, [string[]] $Arguments) {
    # Windows PowerShell takes a program's error output for an error of its own.
    $ErrorActionPreference = 'Continue'
    & $Program @Arguments 2>&1 | Out-Null
    return $LASTEXITCODE -eq 0
}

function Resolve-Target([string] $Path) {
    $full = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Path)
    if (Test-Path -LiteralPath $full -PathType Leaf) { throw "'$full' is there already and is no folder; name another path" }
    if ((Test-Path -LiteralPath $full) -and (Get-ChildItem -LiteralPath $full -Force | Select-Object -First 1)) {
        throw "'$full' is there already; remove it or name another path"
    }
    # Windows PowerShell puts quotes round a path with a space, and a backslash before the last one would hide it.
    return $full.TrimEnd([IO.Path]::DirectorySeparatorChar)
}

function Format-Quoted([string] $Text) {
    return "'" + ($Text -replace "['\u2018\u2019\u201a\u201b]", '$0$0') + "'"
}

# conda and micromamba are often functions of the shell: these variables name the programs.
function Find-Conda {
    foreach ($program in $env:CONDA_EXE, $env:MAMBA_EXE) {
        if ($program -and (Test-Path -LiteralPath $program)) { return $program }
    }
    foreach ($name in 'conda', 'mamba', 'micromamba') {
        $found = Find-Program $name
        if ($found) { return $found }
    }
    throw 'no conda, mamba, micromamba on PATH; Miniforge brings conda and mamba'
}

$file = [IO.Path]::Combine($PSScriptRoot, 'environment.yml')
if (-not (Test-Path -LiteralPath $file)) { throw "'$file' is missing; both files belong together" }
$conda = Find-Conda
$tool = [IO.Path]::GetFileNameWithoutExtension($conda)

$arguments = if ($tool -eq 'micromamba') { @('create', '--file', $file) } else { @('env', 'create', '--file', $file) }
$environment = 'lecture'
if ($Path) {
    $environment = Resolve-Target $Path
    $arguments += @('--prefix', $environment)
}
# With an empty answer, micromamba and mamba do not overwrite an environment that is there, and do all the rest.
$kept = $env:MAMBA_ALWAYS_YES
$env:MAMBA_ALWAYS_YES = 'false'
try { Invoke-Checked $conda $arguments -Answer '' }
finally { $env:MAMBA_ALWAYS_YES = $kept }

''
'Done. Activate it with:'
"    $tool activate " + (Format-Quoted $environment)

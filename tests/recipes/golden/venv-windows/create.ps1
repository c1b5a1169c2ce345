# A venv environment with torch 2.14.1 (cu126) for Python 3.11 on win-amd64.
# Usage: powershell -ExecutionPolicy Bypass -File create.ps1 [PATH]
param([string] $Path = 'it''s mine')

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

function Find-Python {
    $test = @('-c', 'import sys; sys.exit(sys.version_info[:2] != (3, 11))')
    $py = Find-Program 'py'
    if ($py -and (Test-Runs $py (@('-3.11') + $test))) { return @($py, '-3.11') }
    foreach ($name in 'python3.11', 'python3', 'python') {
        $found = Find-Program $name
        if ($found -and (Test-Runs $found $test)) { return @($found) }
    }
    throw 'no Python 3.11 on PATH; install it, or ask envkit for another with --python'
}

$target = Resolve-Target $Path
$launcher = @(Find-Python)
$launcherArguments = @($launcher | Select-Object -Skip 1)
$folder = if ($env:OS -eq 'Windows_NT') { 'Scripts' } else { 'bin' }
$python = [IO.Path]::Combine($target, $folder, 'python')

# What these point to belongs to another Python, to another place than the new environment, or to another build.
# They are this session's variables, and are given back in the end.
$variables = @{ 'PIP_USER' = '0' }
foreach ($name in 'PYTHONHOME', 'PYTHONPATH', 'PIP_TARGET', 'PIP_PREFIX', 'PIP_ROOT', 'PIP_PYTHON', 'UV_PYTHON', 'UV_SYSTEM_PYTHON', 'UV_TARGET', 'UV_PREFIX', 'UV_TORCH_BACKEND', 'UV_VENV_CLEAR') { $variables[$name] = $null }
$kept = @{}
foreach ($name in $variables.Keys) { $kept[$name] = [Environment]::GetEnvironmentVariable($name) }
try {
    foreach ($name in $variables.Keys) { Set-Item -LiteralPath "Env:$name" -Value $variables[$name] }
    Invoke-Checked $launcher[0] ($launcherArguments + @('-I', '-m', 'venv', $target))
    Invoke-Checked $python @('-I', '-m', 'pip', 'install', '--no-deps', '--index-url', 'https://download.pytorch.org/whl/cu126', 'torch==2.14.1+cu126')
    Invoke-Checked $python @('-I', '-m', 'pip', 'install', 'torch==2.14.1+cu126', 'numpy')
}
finally {
    foreach ($name in $kept.Keys) { Set-Item -LiteralPath "Env:$name" -Value $kept[$name] }
}

''
'Done. Activate it with:'
'    & ' + (Format-Quoted ([IO.Path]::Combine($target, $folder, 'Activate.ps1')))

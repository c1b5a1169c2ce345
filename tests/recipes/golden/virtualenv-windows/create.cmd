@echo off
rem A virtualenv environment with torch 2.15.0 (cpu) for Python 3.11 on win-amd64.
rem Usage: create.cmd [PATH]
setlocal EnableExtensions DisableDelayedExpansion
set "target=my env"
if not "%~1"=="" set "target=%~1"

rem Whole, so that no name is taken for an option; without a backslash at its end, which would hide the quote after it.
for %%p in ("%target%") do set "target=%%~fp"
if "%target:~-1%"=="\" set "target=%target:~0,-1%"
rem A line behind "call" is read twice: what these two mean there cannot be taken back.
for /f "delims=%%^" %%p in ("x%target%x") do if "%%p"=="x%target%x" goto :readable_target
echo create.cmd: cmd cannot hold a %% or ^^ in a path; name another 1>&2
exit /b 1
:readable_target
rem An existing folder is taken only when it is empty.
if not exist "%target%" goto :free
dir /a /b "%target%" 2>nul | findstr . >nul || goto :free
echo create.cmd: "%target%" is there already; remove it or name another path 1>&2
exit /b 1
:free

set "python=py -3.11"
call %python% -c "import sys; sys.exit(sys.version_info[:2] != (3, 11))" >nul 2>nul && goto :make
set "python=python"
call %python% -c "import sys; sys.exit(sys.version_info[:2] != (3, 11))" >nul 2>nul && goto :make
echo create.cmd: no Python 3.11 on PATH; install it, or ask envkit for another with --python 1>&2
exit /b 1

:make
rem What these point to belongs to another Python, to another place than the new environment, or to another build.
for %%v in (PYTHONHOME PYTHONPATH PIP_TARGET PIP_PREFIX PIP_ROOT PIP_PYTHON UV_PYTHON UV_SYSTEM_PYTHON UV_TARGET UV_PREFIX UV_TORCH_BACKEND UV_VENV_CLEAR) do set "%%v="
set "PIP_USER=0"
call %python% -m virtualenv --version >nul 2>nul && goto :module
where virtualenv >nul 2>nul && goto :command
echo create.cmd: virtualenv is missing; install it: py -3.11 -m pip install --user virtualenv 1>&2
exit /b 1
:module
call %python% -m virtualenv --no-periodic-update "%target%" || goto :stopped
goto :made
:command
call virtualenv --no-periodic-update --python 3.11 "%target%" || goto :stopped
:made
"%target%\Scripts\python.exe" -I -m pip install "torch===2.15.0" "numpy" || goto :stopped

echo.
echo Done. Activate it with:
echo     "%target%\Scripts\activate.bat"
exit /b 0

:stopped
if exist "%target%" echo create.cmd: stopped half-way; what is there so far: "%target%" 1>&2
exit /b 1

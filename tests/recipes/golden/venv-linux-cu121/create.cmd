@echo off
rem A venv environment with torch 2.5.1 (cu121) for Python 3.11 on linux-x86_64.
rem Usage: create.cmd [PATH]
setlocal EnableExtensions DisableDelayedExpansion
set "target=.venv"
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
call %python% -I -m venv "%target%" || goto :stopped
"%target%\Scripts\python.exe" -I -m pip install "--no-deps" "--index-url" "https://download.pytorch.org/whl/cu121" "torch==2.5.1+cu121" "torchvision==0.20.1+cu121" || goto :stopped
"%target%\Scripts\python.exe" -I -m pip install "torch==2.5.1+cu121" "torchvision==0.20.1+cu121" "numpy" || goto :stopped

echo.
echo Done. Activate it with:
echo     "%target%\Scripts\activate.bat"
exit /b 0

:stopped
if exist "%target%" echo create.cmd: stopped half-way; what is there so far: "%target%" 1>&2
exit /b 1

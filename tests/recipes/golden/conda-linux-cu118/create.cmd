@echo off
rem A conda environment with torch 2.1.0 (cu118) for Python 3.11 on linux-x86_64.
rem Usage: create.cmd [PATH], beside environment.yml. Without PATH it is known by its name.
setlocal EnableExtensions DisableDelayedExpansion
set "file=%~dp0environment.yml"
if not exist "%file%" (
    echo create.cmd: "%file%" is missing; both files belong together 1>&2
    exit /b 1
)
rem A line behind "call" is read twice: what these two mean there cannot be taken back.
for /f "delims=%%^" %%p in ("x%file%x") do if "%%p"=="x%file%x" goto :readable_file
echo create.cmd: cmd cannot hold a %% or ^^ in a path; move this folder 1>&2
exit /b 1
:readable_file
set "target="
if not "%~1"=="" set "target=%~1"
set "environment=lecture"
if not defined target goto :tool

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
set "environment=%target%"

:tool
for %%t in (conda mamba micromamba) do (
    where %%t >nul 2>nul && (
        set "tool=%%t"
        goto :make
    )
)
echo create.cmd: no conda, mamba, micromamba on PATH; Miniforge brings conda and mamba 1>&2
exit /b 1

:make
set "create=env create"
if "%tool%"=="micromamba" set "create=create"
rem Left without an answer, micromamba and mamba do not overwrite an environment that is there, and do all the rest.
set "MAMBA_ALWAYS_YES=false"
if defined target goto :place
call %tool% %create% --file "%file%" <nul || exit /b 1
goto :done
:place
call %tool% %create% --file "%file%" --prefix "%target%" <nul || exit /b 1
:done

echo.
echo Done. Activate it with:
echo     %tool% activate "%environment%"
exit /b 0

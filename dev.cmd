@echo off
rem One entry point for people on Windows: dev demo, dev test (the same commands as ./dev elsewhere).
setlocal enableextensions
cd /d "%~dp0"
set "VCPKG_PIN=127402f1c75bb3d5ff6bce04b285faa4930a5aca"
set "ACTION=%~1"
if "%ACTION%"=="" goto usage
if /i "%ACTION%"=="help" goto usage
if /i "%ACTION%"=="clean" (
  rmdir /s /q build 2>nul
  exit /b 0
)
for %%a in (demo test build deps debug package) do if /i "%ACTION%"=="%%a" goto go
echo unknown command: %ACTION% 1>&2
call :usage
exit /b 2

:go
call :tools
if errorlevel 1 exit /b 1
call :vcpkg
if errorlevel 1 exit /b 1
if /i "%ACTION%"=="deps" exit /b 0
set "PRESET=dev"
if /i "%ACTION%"=="debug" set "PRESET=msvc-debug"
if /i "%ACTION%"=="package" set "PRESET=package"
cmake --preset %PRESET%
if errorlevel 1 exit /b 1
if /i "%ACTION%"=="demo" goto demo
cmake --build --preset %PRESET%
if errorlevel 1 exit /b 1
if /i "%ACTION%"=="package" goto package
if /i "%ACTION%"=="build" exit /b 0
ctest --preset %PRESET% %2 %3 %4 %5 %6 %7 %8 %9
exit /b %ERRORLEVEL%

:package
cmake --install build/package --config Release --prefix build/package/artel-windows-x64
if errorlevel 1 exit /b 1
cmake -E chdir build/package cmake -E tar cf artel-windows-x64.zip --format=zip artel-windows-x64
exit /b %ERRORLEVEL%

:demo
cmake --build --preset demo
if errorlevel 1 exit /b 1
if "%~2"=="" (
  build\dev\bin\chat.exe start
) else (
  build\dev\bin\chat.exe %2 %3 %4 %5 %6 %7 %8 %9
)
exit /b %ERRORLEVEL%

:tools
call :have cmake.exe
if not errorlevel 1 exit /b 0
set "VSWHERE=%ProgramFiles(x86)%\Microsoft Visual Studio\Installer\vswhere.exe"
if exist "%VSWHERE%" for /f "usebackq delims=" %%i in (`"%VSWHERE%" -latest -products * -requires Microsoft.VisualStudio.Component.VC.Tools.x86.x64 -property installationPath`) do set "VSDIR=%%i"
if defined VSDIR set "PATH=%PATH%;%VSDIR%\Common7\IDE\CommonExtensions\Microsoft\CMake\CMake\bin"
call :have cmake.exe
if not errorlevel 1 exit /b 0
echo CMake was not found. Install the C++ workload of Visual Studio 2022 or its Build Tools: 1>&2
echo   winget install Microsoft.VisualStudio.2022.BuildTools --override "--wait --passive --add Microsoft.VisualStudio.Workload.VCTools --includeRecommended" 1>&2
exit /b 1

rem vcpkg: VCPKG_ROOT, else the one of this machine, else our own copy at a pinned commit in .vcpkg
:vcpkg
if defined VCPKG_ROOT if exist "%VCPKG_ROOT%\scripts\buildsystems\vcpkg.cmake" exit /b 0
if defined VCPKG_INSTALLATION_ROOT if exist "%VCPKG_INSTALLATION_ROOT%\scripts\buildsystems\vcpkg.cmake" (
  set "VCPKG_ROOT=%VCPKG_INSTALLATION_ROOT%"
  exit /b 0
)
set "VCPKG_ROOT=%~dp0.vcpkg"
if exist "%VCPKG_ROOT%\vcpkg.exe" exit /b 0
call :have git.exe
if errorlevel 1 (
  echo git was not found: winget install Git.Git 1>&2
  exit /b 1
)
echo getting vcpkg into .vcpkg
if not exist "%VCPKG_ROOT%\.git" git clone https://github.com/microsoft/vcpkg "%VCPKG_ROOT%"
if errorlevel 1 exit /b 1
git -C "%VCPKG_ROOT%" checkout -q %VCPKG_PIN%
if errorlevel 1 exit /b 1
call "%VCPKG_ROOT%\bootstrap-vcpkg.bat" -disableMetrics
if errorlevel 1 exit /b 1
exit /b 0

:have
if "%~$PATH:1"=="" exit /b 1
exit /b 0

:usage
echo usage: dev COMMAND        (in PowerShell: .\dev COMMAND)
echo.
echo   demo [args]        build and run the chat; open the address it prints in a browser
echo   test [ctest args]  build everything and run the tests
echo   debug [ctest args] the same with debug libraries
echo   build              build everything
echo   package            the library, its headers and artel-run as build\package\artel-windows-x64.zip
echo   deps               get vcpkg, which builds the libraries; the others do it, too
echo   clean              remove build
echo.
echo It needs Visual Studio 2022 or its Build Tools, and git. On Linux it is ./dev, which can do more.
exit /b 0

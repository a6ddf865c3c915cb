// dev.cmd as Windows' cmd runs it, with stand-ins for cmake, ctest and git that record how they are called.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "artel/artel.hpp"
#include "platform/platform.hpp"
#include "tests/support/program.hpp"

namespace artel::testing {
namespace {

namespace fs = std::filesystem;

class DevCmd : public ::testing::Test {
 protected:
  void SetUp() override {
    if (capabilities().platform != "windows") GTEST_SKIP() << "cmd is Windows'";
    fs::create_directories(root / "tools");
    fs::copy_file(fs::path(ARTEL_SOURCE_DIR) / "dev.cmd", root / "dev.cmd");
    for (const char* tool : {"cmake.exe", "ctest.exe", "git.exe"})
      fs::copy_file(programFile("fixtures/record"), root / "tools" / tool);
  }
  /// `dev WORDS` with a plain PATH, begun. The last line of a batch file, without `call`: Wine's makes every code 1.
  std::unique_ptr<Program> begin(const std::string& words, const std::string& settings = "") {
    std::ofstream(root / "go.cmd", std::ios::binary)
        << "@echo off\r\nset \"PATH=%~dp0tools;%SystemRoot%\\system32\"\r\n"
        << "set \"RECORD=%~dp0record\"\r\nset VCPKG_ROOT=\r\nset VCPKG_INSTALLATION_ROOT=\r\n"
        << settings << "dev " << words << "\r\n";
    fs::remove(root / "record");
    return std::make_unique<Program>(std::string(std::getenv("ComSpec")), std::vector<std::string>{"/c", "go.cmd"},
                                     &directory);
  }
  /// To its end; the exit code. What the tools were called with is in `recorded`, a line each.
  int dev(const std::string& words, const std::string& settings = "") {
    program = begin(words, settings);
    const int code = program->wait(30s);
    recorded = directory.read("record");
    std::erase(recorded, '\r');
    return code;
  }
  Directory directory;
  fs::path root = directory.path();
  std::unique_ptr<Program> program;
  std::string recorded;
};

constexpr const char* pin = "127402f1c75bb3d5ff6bce04b285faa4930a5aca";

TEST_F(DevCmd, TestGetsVcpkgAtItsPinAndRunsTheTests) {
  EXPECT_EQ(dev("test -R Echo"), 0) << program->out() << program->err();
  const std::string vcpkg = (root / ".vcpkg").string();
  EXPECT_EQ(recorded, "git clone https://github.com/microsoft/vcpkg " + vcpkg + "\ngit -C " + vcpkg + " checkout -q " +
                          pin + "\nbootstrap -disableMetrics\ncmake --preset dev\ncmake --build --preset dev\n" +
                          "ctest --preset dev -R Echo\n");
  std::ifstream manifest(fs::path(ARTEL_SOURCE_DIR) / "vcpkg.json");
  const std::string text{std::istreambuf_iterator<char>(manifest), {}};
  EXPECT_NE(text.find("\"builtin-baseline\": \"" + std::string(pin) + "\""), std::string::npos) << "one pin for both";
}

TEST_F(DevCmd, AVcpkgThatIsThereIsUsed) {
  fs::create_directories(root / "mine/scripts/buildsystems");
  std::ofstream(root / "mine/scripts/buildsystems/vcpkg.cmake") << "";
  EXPECT_EQ(dev("build", "set \"VCPKG_ROOT=%~dp0mine\"\r\n"), 0);
  EXPECT_EQ(recorded, "cmake --preset dev\ncmake --build --preset dev\n");
  EXPECT_EQ(dev("debug", "set \"VCPKG_INSTALLATION_ROOT=%~dp0mine\"\r\n"), 0);
  EXPECT_EQ(recorded, "cmake --preset msvc-debug\ncmake --build --preset msvc-debug\nctest --preset msvc-debug\n");
  EXPECT_EQ(dev("package", "set \"VCPKG_ROOT=%~dp0mine\"\r\n"), 0);
  EXPECT_EQ(recorded,
            "cmake --preset package\ncmake --build --preset package\n"
            "cmake --install build/package --config Release --prefix build/package/artel-windows-x64\n"
            "cmake -E chdir build/package cmake -E tar cf artel-windows-x64.zip --format=zip artel-windows-x64\n");
}

TEST_F(DevCmd, DemoRunsTheChat) {
  fs::create_directories(root / "build/dev/bin");
  fs::copy_file(programFile("chat"), root / "build/dev/bin/chat.exe");
  EXPECT_EQ(dev("demo version"), 0) << program->err();
  EXPECT_EQ(recorded.substr(recorded.find("cmake")), "cmake --preset dev\ncmake --build --preset demo\n");
  EXPECT_EQ(program->out().substr(program->out().find("artel "), 6), "artel ");
  // Another one in the same folder says which process that is.
  const auto demo = begin("demo start --listen http://127.0.0.1:0");
  EXPECT_EQ(bodyOf(get(demo->port())).substr(0, 15), "<!doctype html>");
  EXPECT_EQ(dev("demo start"), 4) << program->err();
  const std::string running = "error[E04] chat is already running: process ";
  const auto said = program->err().find(running);
  ASSERT_NE(said, std::string::npos) << program->err();
  const auto pid = std::stoll(program->err().substr(said + running.size()));
  EXPECT_TRUE(platform::notify(pid, platform::Notice::stop));
  EXPECT_EQ(demo->wait(), 0) << demo->err();
  // Without words it starts, too.
  fs::copy_file(programFile("fixtures/record"), root / "build/dev/bin/chat.exe", fs::copy_options::overwrite_existing);
  EXPECT_EQ(dev("demo"), 0);
  EXPECT_TRUE(recorded.ends_with("\nchat start\n")) << recorded;
  fs::copy_file(programFile("chat"), root / "build/dev/bin/chat.exe", fs::copy_options::overwrite_existing);
  // What a Windows developer may type out of habit: one sentence says what to do instead.
  EXPECT_EQ(dev("demo status"), 7);
  EXPECT_TRUE(program->errHas("error[E07] \"status\" is not available on Windows")) << program->err();
  EXPECT_TRUE(program->errHas("chat.exe start, and Ctrl+C to stop")) << program->err();
}

TEST_F(DevCmd, FailuresAreItsExitCode) {
  EXPECT_EQ(dev("test", "set RECORD_FAIL=ctest\r\n"), 7);
  EXPECT_EQ(dev("test", "set RECORD_FAIL=--build\r\n"), 1);
  EXPECT_EQ(recorded.find("ctest"), std::string::npos) << recorded;
  EXPECT_EQ(dev("nonsense"), 2);
  EXPECT_TRUE(program->errHas("unknown command: nonsense")) << program->err();
  EXPECT_NE(program->out().find("usage: dev COMMAND"), std::string::npos) << "and what there is";
  EXPECT_EQ(dev("help"), 0);
  EXPECT_NE(program->out().find("demo [args]"), std::string::npos);
  EXPECT_EQ(recorded, "") << "nothing was done for it";
  EXPECT_EQ(dev("test", "set \"PATH=%SystemRoot%\\system32\"\r\nset \"ProgramFiles(x86)=%~dp0none\"\r\nset VSDIR=\r\n"),
            1);
  EXPECT_TRUE(program->errHas("winget install Microsoft.VisualStudio.2022.BuildTools")) << program->err();
  fs::create_directories(root / "build/x");
  EXPECT_EQ(dev("clean"), 0);
  EXPECT_FALSE(fs::exists(root / "build"));
}

}  // namespace
}  // namespace artel::testing

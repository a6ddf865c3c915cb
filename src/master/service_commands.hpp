// The commands that talk to a running master. Each prints what it has to say and answers the exit code.
#pragma once

#include <string>

#include "artel/error.hpp"
#include "platform/platform.hpp"
#include "src/master/command_line.hpp"
#include "src/master/service_files.hpp"

namespace artel {

struct ControlRequest;

int runStop(const Command& command, const ServiceFiles& files);
int runReload(const Command& command, const ServiceFiles& files);
int runStatus(const Command& command, const ServiceFiles& files);
/// What both ask; an empty worker is all of them.
ControlRequest statusRequest(const Command& command, const std::string& worker, const platform::Terminal& terminal);
/// Until somebody ends it.
int runLiveStatus(const Command& command, const ServiceFiles& files);
/// Prints; asks nobody and starts nothing. Throws SetupError (E06) where a start would be refused.
int runCheck(const Command& command, const ServiceFiles& files);
int runUnit(const Command& command, const ServiceFiles& files);
int runConnections(const Command& command, const ServiceFiles& files);
int runTrace(const Command& command, const ServiceFiles& files);

/// Somebody holds the lock; or, should somebody have deleted it, a master answers at the control socket.
bool isRunning(const ServiceFiles& files);

/// The lock is free only when the master has really gone, its files included. False when it is not in time.
bool awaitEnd(const ServiceFiles& files, std::chrono::milliseconds limit);

/// E04, E03.
SetupError alreadyRunning(const ServiceFiles& files, const std::string& program);
SetupError notRunning(const ServiceFiles& files, const std::string& program);
/// E01: there is a master, but no answer. `why`: of the connection; null when there was one.
SetupError notAnswering(const ServiceFiles& files, const std::string& program, const Error* why);

}  // namespace artel

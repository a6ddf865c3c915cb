// Work that takes long in processes of its own (manual 1.16.18): the front hands each job to a task process over a
// local connection and goes on serving; the answer is passed on when it comes. "sleep SECONDS" is the job here.
// Try: async_tasks start     then: nc 127.0.0.1 5693     with "sleep 2" and, at once in another window, "echo hi"
//
// Windows: two windows, "async_tasks --worker tasks" and "async_tasks --worker front".
// Other addresses: --listen front=text://... --listen tasks=text://... -- text://WHERE-THE-TASKS-ARE
#include <algorithm>
#include <artel/artel.hpp>
#include <chrono>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>

using namespace artel;

int main(int argc, char** argv) {
  Worker tasks("text://127.0.0.1:5692");
  tasks.name = "tasks";
  tasks.count = 4;  // so many jobs at once; the others wait
  tasks.onMessage = [](TcpConnection& caller, const std::string& job) {
    const double seconds = std::atof(job.substr(job.find(' ') + 1).c_str());
    std::this_thread::sleep_for(std::chrono::duration<double>(std::clamp(seconds, 0.0, 60.0)));
    caller.send("done: " + job);
  };

  Worker front("text://127.0.0.1:5693");
  front.name = "front";
  front.onMessage = [](TcpConnection& client, std::string_view line) {
    if (line.substr(0, 6) != "sleep ") return static_cast<void>(client.send(line));
    const auto job =
        AsyncTcpConnection::to(Worker::arguments().empty() ? "text://127.0.0.1:5692" : Worker::arguments()[0]);
    const auto asked = client.weak();  // it may be gone when the answer comes
    job->onMessage = [asked](TcpConnection& c, std::string_view answer) {
      if (const auto who = asked.lock()) who->send(answer);
      c.close();
    };
    job->onError = [asked](TcpConnection&, const Error& error) {
      if (const auto who = asked.lock()) who->send("failed: " + error.message);
    };
    job->send(line);
    job->connect();
  };
  return Worker::runAll(argc, argv);
}

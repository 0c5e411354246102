// A host's program that works on its workflows, told so from the command line.
#include "http/test_server.h"
#include "support/child_process.h"
#include "support/eventually.h"
#include "support/temporary_directory.h"
#include "telemetry/trace_receiver.h"

#include <squid_mesh/json.hpp>
#include <squid_mesh/prometheus.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace squid_mesh::testing {
namespace {

using namespace std::chrono_literals;

class host_program : public ::testing::Test {
 protected:
  std::vector<std::string> command(std::vector<std::string> words) const {
    words.insert(words.begin(), {SQUID_MESH_CLI_HOST, "--database", "sqlite:" + (directory_ / "greeter.db").string()});
    return words;
  }
  /// Runs it to its end. Its exit code, and what it has printed.
  std::pair<int, std::string> run(std::vector<std::string> words) const {
    const auto file = directory_ / "output.txt";
    child_process program(command(std::move(words)), file);
    const int code = program.wait();
    return {code, read_text(file)};
  }

  /// Greets somebody, to the end. Needs a worker.
  std::string greet() const {
    const auto [code, out] = run({"--json", "runs", "start", "test.greeting", "--payload", R"({"name": "ann"})"});
    EXPECT_EQ(code, 0) << out;
    std::string id = json::parse(out).at("run");
    const auto [watched, events] = run({"runs", "watch", id, "--timeout", "20s"});
    EXPECT_EQ(watched, 0) << events;
    return id;
  }

  static bool until(const std::function<bool()>& holds) { return eventually(holds, 20s); }

  /// What the worker has printed so far.
  std::string printed() const { return read_text(directory_ / "worker.txt"); }
  bool prints(const std::string& text) const {
    return until([&] { return printed().find(text) != std::string::npos; });
  }
  /// The port at which it says that it serves metrics.
  int port() const {
    std::smatch found;
    std::string text;
    const std::regex said(R"(http://127\.0\.0\.1:(\d+)/metrics\.)");
    if (!until([&] { return std::regex_search(text = printed(), found, said); })) throw std::runtime_error(text);
    return std::stoi(found[1]);
  }

  temporary_directory directory_;
};

TEST_F(host_program, works_until_it_is_told_to_stop) {
  child_process worker(command({"work", "--queue", "squid_mesh=2"}), directory_ / "worker.txt");
  const std::string id = greet();
  const auto [explained, why] = run({"runs", "explain", id});
  EXPECT_EQ(why.find("squid-mesh runs"), std::string::npos) << "it is called otherwise: " << why;
  const auto [shown, text] = run({"runs", "show", id});
  EXPECT_NE(text.find("hello ann"), std::string::npos) << text;
  ::kill(worker.pid(), SIGTERM);
  EXPECT_EQ(worker.wait(), 0);
  EXPECT_NE(printed().find("Stopping"), std::string::npos);
}

TEST_F(host_program, says_what_is_wrong_with_a_queue) {
  const auto [code, out] = run({"work", "--queue", "squid_mesh=many"});
  EXPECT_EQ(code, 2) << out;
  EXPECT_NE(out.find("NAME=LIMIT"), std::string::npos) << out;
}

TEST_F(host_program, serves_what_it_counts_and_what_the_database_says) {
  child_process worker(command({"work", "--metrics", "127.0.0.1:0"}), directory_ / "worker.txt");
  httplib::Client scraper("127.0.0.1", port());
  greet();
  std::string text;
  const auto has = [&](const std::string& line) { return text.find(line + "\n") != std::string::npos; };
  EXPECT_TRUE(until([&] {
    const auto answer = scraper.Get("/metrics");
    if (!answer) return false;
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->get_header_value("content-type"), prometheus_content_type);
    text = answer->body;
    return has(R"(squid_mesh_run_transitions_total{workflow="test.greeting",status="completed"} 1)");
  })) << text;
  EXPECT_TRUE(has(R"(squid_mesh_attempts_total{workflow="test.greeting",step="greet",outcome="completed"} 1)")) << text;
  EXPECT_TRUE(has(R"(squid_mesh_database_nodes{state="alive"} 1)")) << text;
  EXPECT_EQ(scraper.Get("/")->status, 404);
  ::kill(worker.pid(), SIGTERM);
  EXPECT_EQ(worker.wait(), 0);
}

TEST_F(host_program, every_line_of_its_log_is_json_if_that_is_asked_for) {
  child_process worker(command({"work", "--log", "json", "--metrics", "127.0.0.1:0"}), directory_ / "worker.txt");
  const std::string id = greet();
  EXPECT_TRUE(prints("run.completed"));
  ::kill(worker.pid(), SIGTERM);
  EXPECT_EQ(worker.wait(), 0);
  std::vector<std::string> events;
  std::istringstream lines(printed());
  for (std::string line; std::getline(lines, line);) {
    const json record = json::parse(line, nullptr, false);
    ASSERT_FALSE(record.is_discarded()) << line;
    if (record.value("run_id", "") == id) events.push_back(record.at("details").at("event"));
  }
  EXPECT_EQ(events, std::vector<std::string>{"run.completed"}) << "the rest is for debugging";
}

TEST_F(host_program, logs_text_if_that_is_asked_for) {
  child_process worker(command({"work", "--log", "text"}), directory_ / "worker.txt");
  const std::string id = greet();
  EXPECT_TRUE(prints(" info test.greeting " + id + ": run.completed from pending to completed")) << printed();
}

TEST_F(host_program, sends_traces_where_it_is_told_to) {
  trace_receiver receiver;
  child_process worker(command({"work", "--traces", receiver.url()}), directory_ / "worker.txt");
  greet();
  EXPECT_TRUE(receiver.wait_for(2)) << printed();
  EXPECT_EQ(receiver.complaints(), std::vector<std::string>());
  EXPECT_EQ(receiver.service(), "greeter");
}

TEST_F(host_program, says_that_traces_do_not_arrive_also_without_a_log) {
  const http::raw_port nobody(http::raw_port::mode::refusing);
  child_process worker(command({"work", "--traces", nobody.url("/v1/traces")}), directory_ / "worker.txt");
  greet();
  EXPECT_TRUE(prints("spans")) << printed();
}

TEST_F(host_program, serves_the_metrics_of_the_database_alone) {
  ASSERT_EQ(run({"migrate", "up"}).first, 0);
  child_process server(command({"metrics", "--listen", "127.0.0.1:0"}), directory_ / "worker.txt");
  const int at = port();
  ASSERT_EQ(run({"runs", "start", "test.greeting", "--payload", R"({"name": "ann"})"}).first, 0);
  const auto answer = httplib::Client("127.0.0.1", at).Get("/metrics");
  ASSERT_TRUE(answer);
  EXPECT_NE(answer->body.find("squid_mesh_database_runs{status=\"pending\"} 1\n"), std::string::npos) << answer->body;
  EXPECT_EQ(answer->body.find("squid_mesh_runs_created_total"), std::string::npos) << answer->body;

  const auto [code, out] = run({"metrics", "--listen", "127.0.0.1:" + std::to_string(at)});
  EXPECT_EQ(code, 5) << out;
  EXPECT_NE(out.find("can't listen on 127.0.0.1:" + std::to_string(at)), std::string::npos) << out;
  ::kill(server.pid(), SIGINT);
  EXPECT_EQ(server.wait(), 0);
}

TEST_F(host_program, says_what_is_wrong_with_an_address) {
  ASSERT_EQ(run({"migrate", "up"}).first, 0);
  for (const char* address : {"9464", "localhost:", "localhost:port", "localhost:70000"}) {
    const auto [code, out] = run({"metrics", "--listen", address});
    EXPECT_EQ(code, 2) << out;
    EXPECT_NE(out.find("HOST:PORT"), std::string::npos) << out;
  }
}

}  // namespace
}  // namespace squid_mesh::testing

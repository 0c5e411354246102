#include "http/test_server.h"
#include "tools/http/ascii.h"

#include <squid_mesh/http.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <vector>

namespace squid_mesh::inline v1::http {
namespace {

/// What must never be seen in a message.
constexpr const char* secret = "s3cret";

void expect_failure(const result<response>& outcome, const std::string& kind, bool retryable) {
  ASSERT_FALSE(outcome) << "expected " << kind << ", got status " << outcome->status;
  EXPECT_EQ(outcome.error().kind, kind) << to_string(outcome.error());
  EXPECT_EQ(outcome.error().retryable, retryable) << to_string(outcome.error());
  EXPECT_EQ(to_string(outcome.error()).find(secret), std::string::npos) << to_string(outcome.error());
}

/// A server that answers with what it was asked, as JSON.
class EchoTest : public testing::Test {
 protected:
  EchoTest() {
    const auto echo = [](const httplib::Request& asked, httplib::Response& answer) {
      json headers = json::object();
      for (const auto& [name, value] : asked.headers) headers[name] = value;
      answer.set_header("X-Twice", "one");
      answer.set_header("X-Twice", "two");
      answer.set_content(
          json{{"method", asked.method}, {"target", asked.target}, {"headers", headers}, {"body", asked.body}}.dump(),
          "application/json");
    };
    server_.routes.Get("/.*", echo).Post("/.*", echo).Put("/.*", echo).Patch("/.*", echo).Delete("/.*", echo);
    server_.start();
  }

  /// What the server saw.
  static json echoed(const request& what) {
    const auto answer = send(what);
    EXPECT_TRUE(answer) << to_string(answer.error());
    return answer ? json::parse(answer->body) : json();
  }

  test_server server_;
};

TEST_F(EchoTest, SendsMethodHeadersAndBody) {
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE"}) {
    const json seen = echoed({.method = method,
                              .url = server_.url("/things"),
                              .headers = {{"X-Api-Key", "k"}, {"Content-Type", "text/plain"}},
                              .body = std::string("a\0b", 3)});
    EXPECT_EQ(seen["method"], method);
    EXPECT_EQ(seen["body"], std::string("a\0b", 3));
    EXPECT_EQ(seen["headers"]["X-Api-Key"], "k");
    EXPECT_EQ(seen["headers"]["Content-Type"], "text/plain");
  }
}

TEST_F(EchoTest, SendsNoContentTypeThatNobodyGave) {
  const json seen = echoed({.method = "POST", .url = server_.url("/")});
  EXPECT_FALSE(seen["headers"].contains("Content-Type")) << seen;
  EXPECT_EQ(seen["headers"]["Content-Length"], "0");
}

TEST_F(EchoTest, SendsJson) {
  const json seen = echoed({.method = "POST", .url = server_.url("/"), .json_body = json{{"grüße", 1}}});
  EXPECT_EQ(json::parse(seen["body"].get<std::string>()), (json{{"grüße", 1}}));
  EXPECT_EQ(seen["headers"]["content-type"], "application/json");
}

TEST_F(EchoTest, LeavesTheContentTypeOfJsonToTheCaller) {
  const json seen = echoed({.method = "POST",
                            .url = server_.url("/"),
                            .headers = {{"Content-Type", "application/ld+json"}},
                            .json_body = json::array()});
  EXPECT_EQ(seen["headers"]["Content-Type"], "application/ld+json");
  EXPECT_FALSE(seen["headers"].contains("content-type"));
}

TEST_F(EchoTest, AppendsEncodedQueryToTheUrlsOwn) {
  // The case of the encoding's digits is libcurl's business.
  const auto target_of = [](const request& what) { return to_lower(echoed(what)["target"].get<std::string>()); };
  const std::vector<std::pair<std::string, std::string>> query{{"q", "a&b=c d+e"}, {"ü", ""}};
  EXPECT_EQ(target_of({.url = server_.url("/s?x=1#part"), .query = query}), "/s?x=1&q=a%26b%3dc%20d%2be&%c3%bc=");
  EXPECT_EQ(target_of({.url = server_.url("/s"), .query = query}), "/s?q=a%26b%3dc%20d%2be&%c3%bc=");
}

TEST_F(EchoTest, NormalisesTheResponse) {
  const auto answer = send({.url = server_.url("/")});
  ASSERT_TRUE(answer) << to_string(answer.error());
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->headers.at("content-type"), "application/json");
  EXPECT_EQ(answer->headers.at("x-twice"), "one, two");
}

TEST_F(EchoTest, AnswersHeadWithHeadersAlone) {
  const auto answer = send({.method = "HEAD", .url = server_.url("/")});
  ASSERT_TRUE(answer) << to_string(answer.error());
  EXPECT_EQ(answer->body, "");
  EXPECT_EQ(answer->headers.at("content-type"), "application/json");
}

TEST_F(EchoTest, SendsUserAndPasswordOfTheUrl) {
  const json seen = echoed({.url = "http://ann:pw@" + server_.host() + "/"});
  EXPECT_EQ(seen["headers"]["Authorization"], "Basic YW5uOnB3");
}

TEST_F(EchoTest, ServesManyThreads) {
  std::vector<std::future<json>> answers;
  answers.reserve(8);
  for (int i = 0; i < 8; ++i) {
    answers.push_back(std::async(std::launch::async, [this, i] {
      return echoed({.method = "POST", .url = server_.url("/"), .body = std::to_string(i)})["body"];
    }));
  }
  for (int i = 0; i < 8; ++i) EXPECT_EQ(answers[static_cast<std::size_t>(i)].get(), std::to_string(i));
}

TEST(HttpStatus, DecidesWhetherToTryAgain) {
  test_server server;
  server.routes.Get(R"(/status/(\d+)/s3cret)", [](const httplib::Request& asked, httplib::Response& answer) {
    answer.status = std::stoi(asked.matches[1]);
    answer.set_content("no\xFF", "text/plain");
  });
  server.start();
  for (const int status : {400, 401, 403, 404, 409, 422, 408, 429, 500, 502, 503, 504}) {
    const auto outcome = send({.url = server.url("/status/" + std::to_string(status) + "/s3cret?token=s3cret")});
    expect_failure(outcome, "http_status", status == 408 || status == 429 || status >= 500);
    EXPECT_EQ(outcome.error().code, errc::step_failed);
    EXPECT_EQ(outcome.error().message, "GET " + server.host() + ": status " + std::to_string(status));
    EXPECT_EQ(outcome.error().details["status"], status);
    EXPECT_EQ(outcome.error().details["body"], "no\uFFFD") << "a body that is not UTF-8 must not break the journal";
    EXPECT_EQ(outcome.error().retry_after, std::nullopt);
  }
}

TEST(HttpStatus, HandsOnRetryAfter) {
  test_server server;
  server.routes.Get("/", [](const httplib::Request&, httplib::Response& answer) {
    answer.status = 429;
    answer.set_header("Retry-After", "7");
  });
  server.start();
  const auto outcome = send({.url = server.url("/")});
  expect_failure(outcome, "http_status", true);
  EXPECT_EQ(outcome.error().retry_after, std::chrono::seconds(7));
}

TEST(HttpStatus, CountsMoreThanTheSizeOfARefusal) {
  test_server server;
  server.routes.Get("/", [](const httplib::Request&, httplib::Response& answer) {
    answer.status = 503;
    answer.set_content(std::string(100'000, 'x'), "text/plain");
  });
  server.start();
  const auto outcome = send({.url = server.url("/"), .max_response_bytes = 10});
  expect_failure(outcome, "http_status", true);
  EXPECT_EQ(outcome.error().details["body"], "xxxxxxxxxx");
}

TEST(HttpLimits, RefusesALongerBody) {
  test_server server;
  server.routes.Get("/", [](const httplib::Request&, httplib::Response& answer) {
    answer.set_content(std::string(1'000, 'x'), "text/plain");
  });
  server.start();
  expect_failure(send({.url = server.url("/"), .max_response_bytes = 999}), "too_large", false);
  const auto whole = send({.url = server.url("/"), .max_response_bytes = 1'000});
  ASSERT_TRUE(whole) << to_string(whole.error());
  EXPECT_EQ(whole->body.size(), 1'000);
}

TEST(HttpLimits, GivesUpOnASilentServer) {
  const raw_port silent(raw_port::mode::listening);
  const auto outcome = send({.url = silent.url("/s3cret?token=s3cret"), .timeout = milliseconds(50)});
  expect_failure(outcome, "timeout", true);
  EXPECT_EQ(outcome.error().code, errc::timeout);
}

TEST(HttpStop, EndsAnExchangeInFlight) {
  raw_port silent(raw_port::mode::listening);
  std::stop_source stop;
  auto outcome = std::async(std::launch::async, [&] {
    return send({.url = silent.url("/"), .timeout = milliseconds::max(), .stop = stop.get_token()});
  });
  silent.await_request();
  stop.request_stop();
  expect_failure(outcome.get(), "", true);
}

TEST(HttpStop, SendsNothingAfterAStop) {
  const raw_port unused(raw_port::mode::listening);
  const std::stop_source stop;
  stop.request_stop();
  const auto outcome = send({.url = unused.url("/"), .stop = stop.get_token()});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::interrupted);
}

TEST(HttpConnection, ReportsARefusedOne) {
  const raw_port refusing(raw_port::mode::refusing);
  const auto outcome = send({.url = refusing.url("/s3cret")});
  expect_failure(outcome, "connection", true);
  EXPECT_EQ(outcome.error().code, errc::unavailable);
}

TEST(HttpConnection, ReportsALostOne) {
  for (const char* bytes : {"", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "220 smtp.example ESMTP\r\n"}) {
    raw_port server(raw_port::mode::listening);
    auto outcome = std::async(std::launch::async, [&] { return send({.url = server.url("/s3cret")}); });
    server.answer_once(bytes);
    expect_failure(outcome.get(), "connection", true);
  }
}

TEST(HttpConnection, ReportsTlsFailures) {
  raw_port plain(raw_port::mode::listening);
  auto outcome = std::async(std::launch::async, [&] { return send({.url = plain.url("/s3cret", "https")}); });
  plain.answer_once("HTTP/1.1 400 Bad Request\r\n\r\n");
  expect_failure(outcome.get(), "tls", false);
}

TEST(HttpConnection, SendsHeadersWithoutAValue) {
  raw_port server(raw_port::mode::listening);
  auto outcome =
      std::async(std::launch::async, [&] { return send({.url = server.url("/"), .headers = {{"X-Empty", ""}}}); });
  EXPECT_NE(server.answer_once("HTTP/1.1 204 No Content\r\n\r\n").find("\r\nX-Empty:\r\n"), std::string::npos);
  EXPECT_TRUE(outcome.get());
}

TEST(HttpConnection, SkipsInterimAnswers) {
  raw_port server(raw_port::mode::listening);
  auto outcome = std::async(std::launch::async, [&] { return send({.url = server.url("/")}); });
  server.answer_once("HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\nHTTP/1.1 204 No Content\r\nX-Late: 1\r\n\r\n");
  const auto answer = outcome.get();
  ASSERT_TRUE(answer) << to_string(answer.error());
  EXPECT_EQ(answer->status, 204);
  EXPECT_EQ(answer->headers, (std::map<std::string, std::string>{{"x-late", "1"}}));
}

class RedirectTest : public testing::Test {
 protected:
  RedirectTest() {
    const auto redirect = [](const httplib::Request& asked, httplib::Response& answer) {
      answer.status = std::stoi(asked.get_param_value("status"));
      answer.set_header("Location", asked.get_param_value("to"));
      answer.set_content(std::string(100, '-'), "text/plain");
    };
    const auto end = [this](const httplib::Request& asked, httplib::Response& answer) {
      answer.set_content(asked.method + " " + asked.body, "text/plain");
      last_ = asked;
    };
    for (test_server* each : {&server_, &other_}) {
      each->routes.Get("/from", redirect).Post("/from", redirect).Put("/from", redirect);
      each->routes.Get("/end", end).Post("/end", end).Put("/end", end);
      each->start();
    }
  }

  request from(int status, const std::string& to) {
    return {.url = server_.url("/from"), .query = {{"status", std::to_string(status)}, {"to", to}}};
  }

  test_server server_;
  test_server other_;
  httplib::Request last_;
};

TEST_F(RedirectTest, FollowsWithTheMethodThatTheStatusAsksFor) {
  struct expectation {
    int status;
    const char* method;
    const char* arrived;
  };
  for (const auto& [status, method, arrived] : std::initializer_list<expectation>{{301, "POST", "GET "},
                                                                                  {302, "POST", "GET "},
                                                                                  {303, "POST", "GET "},
                                                                                  {303, "PUT", "GET "},
                                                                                  {302, "PUT", "PUT b"},
                                                                                  {307, "POST", "POST b"},
                                                                                  {308, "PUT", "PUT b"}}) {
    request what = from(status, "/end");
    what.method = method;
    what.body = "b";
    what.max_response_bytes = 100;
    const auto answer = send(what);
    ASSERT_TRUE(answer) << to_string(answer.error());
    EXPECT_EQ(answer->body, arrived) << status << " " << method;
  }
}

TEST_F(RedirectTest, ReturnsTheRedirectItselfWhereNoneIsAllowed) {
  request what = from(302, "/end");
  what.max_redirects = 0;
  const auto answer = send(what);
  ASSERT_TRUE(answer) << to_string(answer.error());
  EXPECT_EQ(answer->status, 302);
  EXPECT_EQ(answer->headers.at("location"), "/end");
}

TEST_F(RedirectTest, EndsALoop) {
  std::atomic<int> asked = 0;
  test_server loop;
  loop.routes.Get("/s3cret", [&](const httplib::Request&, httplib::Response& answer) {
    ++asked;
    answer.set_redirect("/s3cret");
  });
  loop.start();
  expect_failure(send({.url = loop.url("/s3cret"), .max_redirects = 3}), "too_many_redirects", false);
  EXPECT_EQ(asked, 4);
}

TEST_F(RedirectTest, KeepsCredentialsFromOtherOrigins) {
  for (const bool elsewhere : {false, true}) {
    request what = from(307, (elsewhere ? other_ : server_).url("/end"));
    what.headers = {{"Authorization", "Bearer x"}, {"X-Api-Key", "k"}, {"Accept", "text/plain"}};
    const auto answer = send(what);
    ASSERT_TRUE(answer) << to_string(answer.error());
    EXPECT_EQ(last_.has_header("Authorization"), !elsewhere);
    EXPECT_EQ(last_.has_header("X-Api-Key"), !elsewhere);
    EXPECT_EQ(last_.get_header_value("Accept"), "text/plain");
  }
}

TEST_F(RedirectTest, KeepsTheUrlsUserFromOtherOrigins) {
  for (const bool elsewhere : {false, true}) {
    request what = from(302, elsewhere ? other_.url("/end") : "/end");
    what.url = "http://ann:pw@" + server_.host() + "/from";
    const auto answer = send(what);
    ASSERT_TRUE(answer) << to_string(answer.error());
    EXPECT_EQ(last_.has_header("Authorization"), !elsewhere);
  }
}

TEST_F(RedirectTest, RefusesOtherSchemes) {
  for (const char* to : {"file:///etc/passwd?s3cret", "ftp://127.0.0.1/s3cret", "gopher://127.0.0.1/", "http://"}) {
    expect_failure(send(from(302, to)), "invalid_request", false);
  }
}

TEST(HttpRequest, IsRefusedBeforeAnythingIsSent) {
  const raw_port unused(raw_port::mode::listening);
  const std::string good = unused.url("/s3cret");
  const std::vector<request> bad{
      {.url = ""},
      {.url = "s3cret"},
      {.url = "/s3cret"},
      {.url = "file:///s3cret"},
      {.url = "ftp://127.0.0.1/s3cret"},
      {.url = "http://"},
      {.url = "http://127.0.0.1/ s3cret"},
      {.url = "http://127.0.0.1/s3cret\r\nX: y"},
      {.url = good + std::string("\0.example", 9)},
      {.method = "", .url = good},
      {.method = "GET / HTTP/1.1\r\nX: y\r\n", .url = good},
      {.url = good, .headers = {{"", "x"}}},
      {.url = good, .headers = {{"X: y\r\nZ", "x"}}},
      {.url = good, .headers = {{"X", "s3cret\r\nY: z"}}},
      {.url = good, .headers = {{"X", "s3cret\nY: z"}}},
      {.url = good, .headers = {{"X", std::string("a\0b", 3)}}},
      {.url = good, .headers = {{"Content-Length", "1"}}},
      {.url = good, .headers = {{"transfer-encoding", "chunked"}}},
      {.method = "POST", .url = good, .body = "x", .json_body = json::object()},
      {.method = "POST", .url = good, .json_body = json("\xFF")},
      {.method = "HEAD", .url = good, .body = "x"},
      {.url = good, .connect_timeout = milliseconds(0)},
      {.url = good, .timeout = milliseconds(-1)},
      {.url = good, .max_redirects = -1},
  };
  for (std::size_t i = 0; i < bad.size(); ++i) {
    SCOPED_TRACE(i);
    const auto outcome = send(bad[i]);
    expect_failure(outcome, "invalid_request", false);
    EXPECT_EQ(outcome.error().code, errc::invalid_argument);
  }
}

}  // namespace
}  // namespace squid_mesh::inline v1::http

#include "tests/support/mem0_sim.hpp"

#include <curl/curl.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <utility>

namespace membridge::test {
namespace {

using Json = nlohmann::json;

struct CurlCloser {
  void operator()(CURL* handle) const noexcept { curl_easy_cleanup(handle); }
};
struct ListCloser {
  void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};

std::size_t Append(char* data, std::size_t size, std::size_t count, void* text) {
  static_cast<std::string*>(text)->append(data, size * count);
  return size * count;
}

constexpr auto kStartDeadline = std::chrono::seconds{20};

}  // namespace

struct Mem0Sim::State {
  Options options;
  pid_t pid = -1;
  std::string base_url;
  std::unique_ptr<CURL, CurlCloser> curl{curl_easy_init()};

  ~State();
  void Start();
  std::string ReadAnnouncement(int pipe_end);
  std::pair<int, std::string> Call(const std::string& method, const std::string& path, const Json& body);
};

Mem0Sim::State::~State() {
  if (pid <= 0) return;
  kill(pid, SIGTERM);
  waitpid(pid, nullptr, 0);
}

/// The simulator says on its standard output when and where it listens, so nothing has to be polled.
void Mem0Sim::State::Start() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe for mem0-sim");
  const std::string seed = std::to_string(options.seed);
  const std::array<const char*, 10> arguments{
      "mem0-sim", "--listen",   "127.0.0.1:0", "--api-key", options.api_key.c_str(), "--project-id", options.project_id.c_str(),
      "--seed",   seed.c_str(), nullptr};
  const pid_t parent = getpid();
  pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    dup2(ends[1], STDOUT_FILENO);
    close_range(3, ~0U, 0);  // a listening socket of the test must not stay open in the child
    execv(MEMBRIDGE_MEM0_SIM, const_cast<char* const*>(arguments.data()));
    _exit(127);
  }
  close(ends[1]);
  const std::string line = ReadAnnouncement(ends[0]);
  close(ends[0]);
  const auto url = line.find("http://");
  if (url == std::string::npos) throw std::runtime_error(fmt::format("{} did not start: '{}'", MEMBRIDGE_MEM0_SIM, line));
  base_url = line.substr(url, line.find('\n') - url);
}

std::string Mem0Sim::State::ReadAnnouncement(int pipe_end) {
  const auto deadline = std::chrono::steady_clock::now() + kStartDeadline;
  std::string line;
  while (line.find('\n') == std::string::npos) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd ready{pipe_end, POLLIN, 0};
    if (left.count() <= 0 || poll(&ready, 1, static_cast<int>(left.count())) <= 0) break;
    std::array<char, 256> bytes{};
    const auto count = read(pipe_end, bytes.data(), bytes.size());
    if (count <= 0) break;
    line.append(bytes.data(), static_cast<std::size_t>(count));
  }
  return line;
}

std::pair<int, std::string> Mem0Sim::State::Call(const std::string& method, const std::string& path, const Json& body) {
  std::string answer;
  const std::string sent = body.is_null() ? std::string{} : body.dump();
  const std::string authorization = "Authorization: Token " + options.api_key;
  std::unique_ptr<curl_slist, ListCloser> headers;
  for (const char* header : {authorization.c_str(), "Content-Type: application/json", "Expect:"}) {
    headers.reset(curl_slist_append(headers.release(), header));
  }
  const std::string url = base_url + path;
  curl_easy_reset(curl.get());
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, method.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  // When a kept connection is reset, libcurl sends the request again by itself; a test that asks for resets must see them.
  if (path.rfind("/_sim/", 0) != 0) curl_easy_setopt(curl.get(), CURLOPT_FRESH_CONNECT, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, 120L);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &Append);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer);
  if (!sent.empty()) {
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(sent.size()));
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, sent.c_str());
  }
  const CURLcode code = curl_easy_perform(curl.get());
  if (code != CURLE_OK) throw std::runtime_error(fmt::format("{} {}: {}", method, path, curl_easy_strerror(code)));
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  return {static_cast<int>(status), std::move(answer)};
}

Mem0Sim::Mem0Sim() : Mem0Sim(Options{}) {}

Mem0Sim::Mem0Sim(Options options) : state_(std::make_unique<State>()) {
  state_->options = std::move(options);
  state_->Start();
}

Mem0Sim::~Mem0Sim() = default;

const std::string& Mem0Sim::BaseUrl() const {
  return state_->base_url;
}
const std::string& Mem0Sim::ApiKey() const {
  return state_->options.api_key;
}
const std::string& Mem0Sim::ProjectId() const {
  return state_->options.project_id;
}

Json Mem0Sim::Control(const std::string& method, const std::string& path, const Json& body) {
  const auto [status, answer] = state_->Call(method, "/_sim" + path, body);
  if (status >= 300) throw std::runtime_error(fmt::format("{} /_sim{}: {} {}", method, path, status, answer));
  return Json::parse(answer);
}

std::pair<int, Json> Mem0Sim::Api(const std::string& method, const std::string& path, const Json& body) {
  const auto [status, answer] = state_->Call(method, path, body);
  Json parsed = Json::parse(answer, nullptr, false);
  return {status, parsed.is_discarded() ? Json(answer) : parsed};
}

std::string Mem0Sim::Add(const std::string& user, const std::string& text, const Json& metadata,
                         const std::vector<std::string>& categories, bool announce) {
  const Json memory =
      Control("POST", "/memories", {{"user_id", user}, {"text", text}, {"metadata", metadata}, {"announce", announce}});
  const std::string id = memory["id"];
  if (!categories.empty()) Categorize(id, categories, announce);
  return id;
}

void Mem0Sim::Edit(const std::string& id, const Json& edit, bool announce) {
  Json body = edit;
  body["announce"] = announce;
  Control("PATCH", "/memories/" + id, body);
}

void Mem0Sim::Delete(const std::string& id, bool announce) {
  Control("DELETE", fmt::format("/memories/{}?announce={}", id, announce));
}

void Mem0Sim::Categorize(const std::string& id, const std::vector<std::string>& categories, bool announce) {
  Control("PUT", "/memories/" + id + "/categories", {{"categories", categories}, {"announce", announce}});
}

void Mem0Sim::Load(std::size_t users, std::size_t memories, const Json& more) {
  Json body = more;
  body["users"] = users;
  body["memories"] = memories;
  Control("POST", "/load", body);
}

void Mem0Sim::SetCrowd(std::size_t users, std::size_t memories, const Json& more) {
  Json body = more;
  body["users"] = users;
  body["memories"] = memories;
  Control("PUT", "/crowd", body);
}

std::string Mem0Sim::Subscribe(const std::string& url) {
  return Control("POST", "/webhooks",
                 {{"name", "test"},
                  {"url", url},
                  {"event_types", {"memory_add", "memory_update", "memory_delete", "memory_categorize"}}})["webhook_id"];
}

std::uint64_t Mem0Sim::Calls(const std::string& endpoint) {
  std::uint64_t calls = 0;
  const Json counters = Control("GET", "/calls");
  for (const auto& [name, counter] : counters.items()) {
    if (endpoint.empty() || name == endpoint) calls += counter["calls"].get<std::uint64_t>();
  }
  return calls;
}

std::map<std::string, Json> Mem0Sim::Truth() {
  const auto [status, lines] = state_->Call("GET", "/_sim/memories", nullptr);
  std::map<std::string, Json> truth;
  for (std::size_t begin = 0; begin < lines.size();) {
    const auto end = lines.find('\n', begin);
    Json memory =
        Json::parse(lines.begin() + static_cast<std::ptrdiff_t>(begin), lines.begin() + static_cast<std::ptrdiff_t>(end));
    const std::string id = memory["id"];
    truth.emplace(id, std::move(memory));
    begin = end + 1;
  }
  return truth;
}

bool Mem0Sim::WaitIdle(std::chrono::milliseconds deadline) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!Control("GET", "/idle")["idle"].get<bool>()) {
    if (std::chrono::steady_clock::now() > end) return false;
    poll(nullptr, 0, 2);
  }
  return true;
}

}  // namespace membridge::test

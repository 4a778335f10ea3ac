#include "sync/mem0/paths.hpp"

#include <fmt/format.h>

namespace membridge::sync::mem0::paths {

std::string Encode(std::string_view text) {
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string encoded;
  for (const char byte : text) {
    if (kPlain.find(byte) != std::string_view::npos) {
      encoded += byte;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(byte));
    }
  }
  return encoded;
}

bool FitsSegment(std::string_view text) {
  return !text.empty() && text != "." && text != ".." && text.find_first_of("/\\") == std::string_view::npos;
}

std::string Ping() {
  return "/v1/ping/";
}

std::string ListMemories(int page, int page_size) {
  return fmt::format("/v3/memories/?page={}&page_size={}", page, page_size);
}
std::string AddMemories() {
  return "/v3/memories/add/";
}
std::string Memory(const MemoryId& memory) {
  return fmt::format("/v1/memories/{}/", Encode(memory.Text()));
}
std::string MemoryHistory(const MemoryId& memory) {
  return Memory(memory) + "history/";
}
std::string ProjectHistory(int page, int limit) {
  return fmt::format("/v1/memories/events/?page={}&limit={}", page, limit);
}

std::string Entities(int page, int page_size) {
  return fmt::format("/v1/entities/?page={}&page_size={}", page, page_size);
}
std::string Entity(std::string_view type, std::string_view id) {
  return fmt::format("/v2/entities/{}/{}/", type, Encode(id));
}
std::string UserProfile(std::string_view user) {
  return Entity("user", user) + "profile/";
}
std::string Event(std::string_view event) {
  return fmt::format("/v1/event/{}/", Encode(event));
}

std::string CreateExport() {
  return "/v1/exports/";
}
std::string GetExport() {
  return "/v1/exports/get/";
}

std::string ProjectWebhooks(std::string_view mem0_project) {
  return fmt::format("/api/v1/webhooks/projects/{}/", Encode(mem0_project));
}
std::string Webhook(std::string_view webhook_id) {
  return fmt::format("/api/v1/webhooks/{}/", Encode(webhook_id));
}

}  // namespace membridge::sync::mem0::paths

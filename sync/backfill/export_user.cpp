#include "sync/backfill/export_user.hpp"

#include "mappings/base/digest.hpp"

namespace membridge::sync {
namespace {

const std::string kHashed = "sha256:";

}  // namespace

std::string HashedUser(const std::string& user) {
  return kHashed + mappings::Sha256Hex(user);
}

std::string HashOfUser(const std::string& user) {
  if (user.starts_with(kHashed)) return user.substr(kHashed.size(), 12);
  return mappings::Sha256Hex(user).substr(0, 12);
}

MemoryId ParkedUser(const std::string& user) {
  return MemoryId{"user/" + user};
}

}  // namespace membridge::sync

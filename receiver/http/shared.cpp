#include "receiver/http/shared.hpp"

namespace membridge::receiver::http {

void Shared::CountRefused(int status) {
  switch (status) {
    case 408:
      ++too_slow;
      break;
    case 413:
      ++too_large;
      break;
    case 431:
      ++header_too_large;
      break;
    case 503:
      ++no_room;
      break;
    default:
      ++malformed;
  }
}

void Shared::CountGone() {
  --connections;
  const std::lock_guard lock{mutex};
  quiet.notify_all();
}

}  // namespace membridge::receiver::http

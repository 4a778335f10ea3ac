#include "mappings/base/result.hpp"

namespace membridge {

std::string_view NameOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUnauthorized:
      return "unauthorized";
    case ErrorCode::kBadDelivery:
      return "bad_delivery";
    case ErrorCode::kBadMapping:
      return "bad_mapping";
    case ErrorCode::kRowRejected:
      return "row_rejected";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kRefused:
      return "refused";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kBusy:
      return "busy";
  }
  return "unknown";
}

}  // namespace membridge

#pragma once

#include "receiver/http/message.hpp"

namespace membridge::admin::api {

/// Whether a browser sent the request for a page of another site: `Sec-Fetch-Site` is neither `same-origin` nor `none`, or
/// `Origin` names another host than `Host` (a proxy in front must pass `Host` on). Programs send neither header, so their
/// requests never count as such. Thread-safe.
bool IsCrossSite(const receiver::http::Request& request);

}  // namespace membridge::admin::api

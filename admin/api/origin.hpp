#pragma once

#include "receiver/http/message.hpp"

namespace membridge::admin::api {

/// Whether a browser sent this on behalf of another site's page: `Sec-Fetch-Site` is neither `same-origin` nor `none`, or
/// `Origin` names another host than `Host` (a proxy in front must pass `Host` on). Programs send neither header.
bool IsCrossSite(const receiver::http::Request& request);

}  // namespace membridge::admin::api

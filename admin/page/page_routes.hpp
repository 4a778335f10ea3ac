#pragma once

#include "receiver/http/router.hpp"

namespace membridge::admin {

/// Adds the page: `GET /` and `GET /page/{file}`, for anybody, since it holds nothing but itself; what it shows it asks the API
/// for, with the token of the person who signs in.
///
/// Every answer forbids the browser whatever the page does not need: scripts, styles and calls of any other origin, anything
/// inline, markup made from text, framing, forms that post. Files are asked for again each time and answered 304 while they are
/// the same, so that a newer binary's page never meets an older one's scripts.
void AddPageRoutes(receiver::http::Router& router);

}  // namespace membridge::admin

#pragma once

#include "receiver/http/router.hpp"

namespace membridge::admin {

/// Adds the page: `GET /` and `GET /page/{file}`. They need no token, because the page contains no data. It reads its data from
/// the API with the token of the person who signs in.
///
/// Every answer forbids the browser everything that the page does not need: scripts, styles and calls of other origins, inline
/// scripts and styles, markup made from text, framing, and forms that post. The browser asks for the files again each time and
/// gets 304 while they are unchanged, so that the page of a newer binary never runs with the scripts of an older one.
void AddPageRoutes(receiver::http::Router& router);

}  // namespace membridge::admin

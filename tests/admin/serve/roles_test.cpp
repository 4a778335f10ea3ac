#include "admin/serve/roles.hpp"

#include "tests/support/catch.hpp"

namespace membridge::admin {
namespace {

using Names = std::vector<std::string>;

TEST_CASE("without --only a process does everything", "[roles]") {
  CHECK(ServeRoles::Only({}).All());
  CHECK(ServeRoles::Only({"admin", "scheduler", "worker", "receiver"}).All());
  CHECK(ServeRoles{}.Names() == ServeRoles::AllNames());
}

TEST_CASE("--only names what a process does, in any order and as often as one likes", "[roles]") {
  for (const std::string& name : ServeRoles::AllNames()) {
    CAPTURE(name);
    CHECK(ServeRoles::Only({name}).Names() == Names{name});
    CHECK_FALSE(ServeRoles::Only({name, name}).All());
  }
  CHECK(ServeRoles::Only({"worker", "receiver"}).Names() == Names{"receiver", "worker"});
}

}  // namespace
}  // namespace membridge::admin

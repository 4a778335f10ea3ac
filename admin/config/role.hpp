#pragma once

#include <optional>
#include <string_view>

namespace membridge::admin {

/// What a caller of the admin API may do; each may do what those before it may. viewer: look, without texts of memories and
/// values of rows. operator: all of that, and act. admin: everything, tokens and bodies of deliveries included.
enum class Role { kViewer, kOperator, kAdmin };

/// `viewer`, `operator`, `admin`
std::string_view NameOf(Role role);
/// Nothing when there is no such role.
std::optional<Role> RoleNamed(std::string_view name);

}  // namespace membridge::admin

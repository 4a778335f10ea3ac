#pragma once

#include <optional>
#include <string_view>

namespace membridge::admin {

/// What a caller of the admin API may do. Each role includes those before it. viewer: read, but no memory text and no row values.
/// operator: read all of that, and act. admin: everything, including tokens and the bodies of deliveries.
enum class Role { kViewer, kOperator, kAdmin };

/// `viewer`, `operator`, `admin`
std::string_view NameOf(Role role);
/// Returns the role of that name; nothing when there is none.
std::optional<Role> RoleNamed(std::string_view name);

}  // namespace membridge::admin

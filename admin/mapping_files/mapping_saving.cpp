#include "admin/mapping_files/mapping_saving.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

#include "mappings/base/digest.hpp"

namespace membridge::admin {
namespace {

constexpr mode_t kPermissions = 07777;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int Number() const { return number_; }
  bool IsOpen() const { return number_ >= 0; }

 private:
  const int number_;
};

tl::unexpected<Error> CannotWrite(const std::string& what) {
  return Fail(ErrorCode::kUnavailable, fmt::format("{}: {}", what, std::strerror(errno)),
              "let the bridge's user write the mappings' folder, or download the draft");
}

/// Returns the bytes of a plain file in the folder; nothing when it is none or cannot be read.
std::optional<std::string> BytesOf(int folder, const std::string& name, struct stat& found) {
  const Descriptor file{::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC)};
  if (!file.IsOpen() || ::fstat(file.Number(), &found) != 0 || !S_ISREG(found.st_mode)) return std::nullopt;
  std::string bytes;
  char part[16384];
  for (;;) {
    const ssize_t got = ::read(file.Number(), part, sizeof part);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) return bytes;
    bytes.append(part, static_cast<std::size_t>(got));
  }
}

bool WriteAll(int file, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t put = ::write(file, text.data() + done, text.size() - done);
    if (put < 0 && errno != EINTR) return false;
    if (put > 0) done += static_cast<std::size_t>(put);
  }
  return ::fsync(file) == 0;
}

/// Writes the new file beside the old one.
Result<void> WriteBeside(int folder, const std::string& beside, const std::string& text, const struct stat& old) {
  ::unlinkat(folder, beside.c_str(), 0);  // of a saver that was killed; whoever saves now has the lock
  const Descriptor file{::openat(folder, beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
  if (!file.IsOpen()) return CannotWrite("no file can be made in the mappings' folder");
  // A file of another owner becomes one of ours; its group stays where that is allowed.
  if (::fchown(file.Number(), static_cast<uid_t>(-1), old.st_gid) != 0) errno = 0;
  if (::fchmod(file.Number(), old.st_mode & kPermissions) != 0 || !WriteAll(file.Number(), text))
    return CannotWrite("the new file cannot be written");
  return {};
}

}  // namespace

Result<void> SaveMappingFile(const std::string& file, const std::string& text, const std::string& digest) {
  const std::filesystem::path path{file};
  const std::string name = path.filename().string();
  const std::string in = path.has_parent_path() ? path.parent_path().string() : ".";
  const Descriptor folder{::open(in.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!folder.IsOpen() || ::flock(folder.Number(), LOCK_EX) != 0) return CannotWrite("the mappings' folder cannot be opened");
  struct stat old {};
  const auto now = BytesOf(folder.Number(), name, old);
  if (!now)
    return Fail(ErrorCode::kRefused, fmt::format("{} is no plain file that can be read", name),
                "a symbolic link is followed when mappings are read, and never written; change the file that it leads to");
  const auto unchanged = [&](const std::string& bytes) { return mappings::Sha256Hex(bytes) == digest; };
  const auto changed = [&] {
    return Fail(ErrorCode::kRefused, fmt::format("{} has changed since the draft was begun", name),
                "look at the file as it is now, and put your change into it");
  };
  if (!unchanged(*now)) return changed();
  const std::string beside = fmt::format(".{}.membridge-draft", name);
  auto written = WriteBeside(folder.Number(), beside, text, old);
  if (written) {
    // Somebody may have written the old file in the meantime.
    const auto still = BytesOf(folder.Number(), name, old);
    if (!still || !unchanged(*still))
      written = changed();
    else if (::renameat(folder.Number(), beside.c_str(), folder.Number(), name.c_str()) != 0)
      written = CannotWrite("the new file cannot take the old one's place");
    else
      ::fsync(folder.Number());
  }
  if (!written) ::unlinkat(folder.Number(), beside.c_str(), 0);
  return written;
}

}  // namespace membridge::admin

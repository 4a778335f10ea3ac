// Preloaded into PostgreSQL (LD_PRELOAD), remembers what a power loss would take away: of each file below POWERLOSS_ROOT the
// bytes that writes since its last fsync replaced, in POWERLOSS_NOTES. tests/proof/power puts them back. Nothing is really
// synced, so a run is quick.
//
// The model is a disk that keeps names and their order, but of contents only what was synced: unsynced writes and sizes are gone,
// and a new file is gone with its name unless it or its folder was synced. While POWERLOSS_NOTES/off exists, whoever writes or
// syncs is dead.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

namespace {

template <class Function>
Function* Real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

using OpenFunction = int(const char*, int, ...);
using PwriteFunction = ssize_t(int, const void*, size_t, off_t);
using TruncateFunction = int(int, off_t);

const std::string& Root() {
  static const std::string root = std::getenv("POWERLOSS_ROOT") == nullptr ? "" : std::getenv("POWERLOSS_ROOT");
  return root;
}

const std::string& Notes() {
  static const std::string notes = std::getenv("POWERLOSS_NOTES") == nullptr ? "" : std::getenv("POWERLOSS_NOTES");
  return notes;
}

void DieWithoutPower() {
  static const std::string off = Notes() + "/off";
  if (access(off.c_str(), F_OK) == 0) _exit(1);
}

/// The path below the root; nothing (empty) for what lies elsewhere.
std::string Below(std::string path) {
  if (Root().empty() || path.size() <= Root().size() || path.compare(0, Root().size(), Root()) != 0) return {};
  return path.substr(Root().size() + 1);
}

std::string PathOf(int fd) {
  char path[PATH_MAX];
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = readlink(link.c_str(), path, sizeof path);
  return length <= 0 ? std::string{} : Below({path, static_cast<std::size_t>(length)});
}

std::string PathOf(const char* name) {
  if (name[0] == '/') return Below(name);
  char here[PATH_MAX];
  return getcwd(here, sizeof here) == nullptr ? std::string{} : Below(std::string{here} + "/" + name);
}

/// The file of notes about a file: slashes would need folders.
std::string NotesOf(std::string path, const char* ending) {
  std::replace(path.begin(), path.end(), '/', '\x01');
  return Notes() + "/" + path + ending;
}

/// One change of a file, before it happens. Other processes that change or sync the same file wait while this object exists.
class Undo {
 public:
  explicit Undo(const std::string& path)
      : notes_(Real<OpenFunction>("open")(NotesOf(path, ".undo").c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {
    if (notes_ >= 0) flock(notes_, LOCK_EX);
  }
  ~Undo() {
    if (notes_ >= 0) close(notes_);
  }
  Undo(const Undo&) = delete;
  Undo& operator=(const Undo&) = delete;

  /// Notes the bytes that are there now. The record: place, how many bytes, the file's size, the bytes.
  void Keep(int fd, off_t place, std::size_t length) const {
    struct stat now {};
    if (notes_ < 0 || fstat(fd, &now) != 0 || !S_ISREG(now.st_mode)) return;
    const auto there = static_cast<std::size_t>(std::max<off_t>(0, now.st_size - place));
    constexpr std::size_t kHead = 3 * sizeof(std::uint64_t);
    const std::size_t kept = std::min(length, there);
    const std::uint64_t head[3] = {static_cast<std::uint64_t>(place), kept, static_cast<std::uint64_t>(now.st_size)};
    std::vector<char> record(kHead + kept);
    std::memcpy(record.data(), head, kHead);
    // The descriptor may be open for writing only.
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    const int reader = Real<OpenFunction>("open")(link.c_str(), O_RDONLY | O_CLOEXEC);
    if (reader < 0 || pread(reader, record.data() + kHead, kept, place) != static_cast<ssize_t>(kept)) _exit(2);
    close(reader);
    Real<ssize_t(int, const void*, size_t)>("write")(notes_, record.data(), record.size());
  }
  void Forget() const {
    if (notes_ >= 0) Real<TruncateFunction>("ftruncate")(notes_, 0);
  }

 private:
  const int notes_;
};

/// The new files of a folder keep their names once the folder is synced.
void KeepNamesIn(const std::string& folder) {
  const std::string begin = NotesOf(folder.empty() ? "" : folder + "/", "");
  for (const auto& note : std::filesystem::directory_iterator{Notes()}) {
    const std::string name = note.path().string();
    const bool is_in_folder = name.compare(0, begin.size(), begin) == 0 && name.find('\x01', begin.size()) == std::string::npos;
    if (is_in_folder && note.path().extension() == ".new") std::filesystem::remove(note.path());
  }
}

template <class Change>
auto Noted(int fd, off_t place, std::size_t length, const Change& change) {
  const std::string path = PathOf(fd);
  if (path.empty()) return change();
  DieWithoutPower();
  const Undo undo{path};
  undo.Keep(fd, place, length);
  return change();
}

int Sync(int fd, const char* name) {
  const std::string path = PathOf(fd);
  if (path.empty()) return Real<int(int)>(name)(fd);
  DieWithoutPower();
  struct stat what {};
  if (fstat(fd, &what) == 0 && S_ISDIR(what.st_mode)) {
    KeepNamesIn(path);
    return 0;
  }
  const Undo undo{path};
  undo.Forget();
  Real<int(const char*)>("unlink")(NotesOf(path, ".new").c_str());
  return 0;
}

int OpenNoted(const char* name, int flags, mode_t mode) {
  auto* const real = Real<OpenFunction>("open");
  const bool writes = (flags & (O_CREAT | O_TRUNC)) != 0;
  const std::string path = writes ? PathOf(name) : std::string{};
  if (path.empty()) return real(name, flags, mode);
  DieWithoutPower();
  const bool is_new = access(name, F_OK) != 0;
  if (!is_new && (flags & O_TRUNC) != 0) {
    const int old = real(name, O_RDONLY | O_CLOEXEC);
    struct stat now {};
    if (old >= 0 && fstat(old, &now) == 0) Undo{path}.Keep(old, 0, static_cast<std::size_t>(now.st_size));
    if (old >= 0) close(old);
  }
  const int fd = real(name, flags, mode);
  const int error = errno;
  if (fd >= 0 && is_new) {
    const Undo undo{path};
    undo.Forget();
    const int note = real(NotesOf(path, ".new").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (note >= 0) close(note);
  }
  errno = error;
  return fd;
}

mode_t ModeIn(int flags, va_list arguments) {
  return (flags & O_CREAT) != 0 ? static_cast<mode_t>(va_arg(arguments, unsigned)) : 0;
}

std::size_t LengthOf(const iovec* parts, int count) {
  std::size_t length = 0;
  for (int i = 0; i < count; ++i) length += parts[i].iov_len;
  return length;
}

}  // namespace

#define MEMBRIDGE_OPEN(name)                      \
  int name(const char* path, int flags, ...) {    \
    va_list arguments;                            \
    va_start(arguments, flags);                   \
    const mode_t mode = ModeIn(flags, arguments); \
    va_end(arguments);                            \
    return OpenNoted(path, flags, mode);          \
  }

extern "C" {

MEMBRIDGE_OPEN(open)
MEMBRIDGE_OPEN(open64)

ssize_t pwrite(int fd, const void* bytes, size_t length, off_t place) {
  return Noted(fd, place, length, [&] { return Real<PwriteFunction>("pwrite")(fd, bytes, length, place); });
}
ssize_t pwrite64(int fd, const void* bytes, size_t length, off64_t place) {
  return pwrite(fd, bytes, length, place);
}
ssize_t pwritev(int fd, const iovec* parts, int count, off_t place) {
  return Noted(fd, place, LengthOf(parts, count),
               [&] { return Real<ssize_t(int, const iovec*, int, off_t)>("pwritev")(fd, parts, count, place); });
}
ssize_t pwritev64(int fd, const iovec* parts, int count, off64_t place) {
  return pwritev(fd, parts, count, place);
}
ssize_t write(int fd, const void* bytes, size_t length) {
  const auto real = [&] { return Real<ssize_t(int, const void*, size_t)>("write")(fd, bytes, length); };
  const int error = errno;
  const off_t place = lseek(fd, 0, SEEK_CUR);
  errno = error;
  if (place < 0) return real();  // a socket or a pipe
  return Noted(fd, place, length, real);
}
int ftruncate(int fd, off_t size) noexcept {
  return Noted(fd, size, SIZE_MAX, [&] { return Real<TruncateFunction>("ftruncate")(fd, size); });
}
int ftruncate64(int fd, off64_t size) noexcept {
  return ftruncate(fd, size);
}
int posix_fallocate(int fd, off_t place, off_t length) {
  return Noted(fd, place, 0, [&] { return Real<int(int, off_t, off_t)>("posix_fallocate")(fd, place, length); });
}
int posix_fallocate64(int fd, off64_t place, off64_t length) {
  return posix_fallocate(fd, place, length);
}
int fsync(int fd) {
  return Sync(fd, "fsync");
}
int fdatasync(int fd) {
  return Sync(fd, "fdatasync");
}
int rename(const char* from, const char* to) noexcept {
  const std::string before = PathOf(from), after = PathOf(to);
  auto* const real = Real<int(const char*, const char*)>("rename");
  if (before.empty() || after.empty()) return real(from, to);
  DieWithoutPower();
  for (const char* ending : {".undo", ".new"}) {
    Real<int(const char*)>("unlink")(NotesOf(after, ending).c_str());
    real(NotesOf(before, ending).c_str(), NotesOf(after, ending).c_str());
  }
  return real(from, to);
}
int unlink(const char* name) noexcept {
  const std::string path = PathOf(name);
  auto* const real = Real<int(const char*)>("unlink");
  if (path.empty()) return real(name);
  DieWithoutPower();
  const int result = real(name);
  const int error = errno;
  for (const char* ending : {".undo", ".new"}) real(NotesOf(path, ending).c_str());
  errno = error;
  return result;
}
}
